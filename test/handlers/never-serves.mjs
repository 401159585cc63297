// As somebody writes it who takes the export for what counts.
export default { clientInput: ({ client }, line) => void client.put(line) };
