import { scenario } from './scenario.js';

test('forkless/testing', () => scenario());
