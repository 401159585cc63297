// The rules live in .eslintrc.cjs; this bridge lets current ESLint read them.
import { createRequire } from 'node:module';
import { FlatCompat } from '@eslint/eslintrc';
import js from '@eslint/js';

const { root: _, ...rules } = createRequire(import.meta.url)('./.eslintrc.cjs');
const compat = new FlatCompat({
  baseDirectory: import.meta.dirname,
  recommendedConfig: js.configs.recommended,
});

export default [{ ignores: ['dist', 'coverage', '**/*.{js,cjs,mjs}'] }, ...compat.config(rules)];
