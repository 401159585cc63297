// How long to soak and with which seed; `npm run soak` is longer, and a seed that failed is given again by hand.
const given = (name: string, otherwise: number): number => {
  const value = Number(process.env[name] ?? otherwise);
  if (!Number.isFinite(value))
    throw new Error(`Expected ${name} to be a number, got ${String(process.env[name])}`);
  return value;
};

/** Of each soak. */
export const SECONDS: number = given('SOAK_SECONDS', 6);

export const SEED: number = given('SOAK_SEED', Math.floor(Math.random() * 1_000_000_000));
