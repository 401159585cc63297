import { fileURLToPath } from 'node:url';
import { installedSize } from '../measure/size.mjs';

const MB = 1e6;

/** @type {import('./load.mjs').Workload} */
export const size = {
  name: 'size',
  title: 'Installed size of the package',
  columns: ['installed', 'own', 'dependencies'],
  unit: '',
  shared: false,
  runs: ({ name }) => name === 'relay',
  rounds: () => 1,
  async round() {
    const { own, dependencies } = installedSize(fileURLToPath(new URL('../../../', import.meta.url)));
    return { installed: (own + dependencies) / MB, own: own / MB, dependencies: dependencies / MB };
  },
};
