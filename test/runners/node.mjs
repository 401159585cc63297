import { test } from 'node:test';
import { scenario } from './scenario.js';

test('forkless/testing', () => scenario());
