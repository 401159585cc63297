import { BlockList } from 'node:net';
import { describe, expect, it } from 'vitest';
import {
  networkOf,
  refusalOf,
  type AdmissionConfig,
  type Crowd,
} from '../../../src/main/listener/admission.ts';

const refusal = (
  remoteAddress: string | undefined,
  config: Partial<AdmissionConfig>,
  open: Partial<Crowd> = {},
) =>
  refusalOf(
    { remoteAddress },
    { all: 0, sameNetwork: 0, ...open },
    { maxConnections: Infinity, maxConnectionsPerAddress: Infinity, blockList: undefined, ...config },
  );

describe('who is let in', () => {
  it('anybody, without limits', () => {
    expect(refusal('192.0.2.1', {}, { all: 1e9, sameNetwork: 1e9 })).toBeUndefined();
  });

  it('up to maxConnections in all, and maxConnectionsPerAddress of one network', () => {
    const config = { maxConnections: 3, maxConnectionsPerAddress: 2 };
    expect(refusal('192.0.2.1', config, { all: 2, sameNetwork: 1 })).toBeUndefined();
    expect(refusal('192.0.2.1', config, { all: 3, sameNetwork: 0 })).toBe('max-connections');
    expect(refusal('192.0.2.1', config, { all: 2, sameNetwork: 2 })).toBe('max-per-address');
  });

  it('nobody on the block list', () => {
    const blockList = new BlockList();
    blockList.addSubnet('192.0.2.0', 24);
    blockList.addAddress('2001:db8::5', 'ipv6');
    blockList.addSubnet('fe80::', 64, 'ipv6');
    for (const address of ['192.0.2.77', '::ffff:192.0.2.77', '2001:db8::5', 'fe80::1%eth0'])
      expect(refusal(address, { blockList }), address).toBe('blocked');
    for (const address of ['198.51.100.1', '2001:db8::6', 'a proxy', undefined])
      expect(refusal(address, { blockList }), address).toBeUndefined();
  });
});

describe('what counts as one address', () => {
  it.each([
    [undefined, undefined],
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
    ['2001:db8:1:2::6', '2001:db8:1:2'],
    ['2001:db8::6', '2001:db8:0:0'],
    ['::1', '0:0:0:0'],
    ['fe80::1%eth0', 'fe80:0:0:0'],
    ['2001:db8:1:2:3::', '2001:db8:1:2'],
  ])('%s: %s', (remoteAddress, network) => {
    expect(networkOf({ remoteAddress })).toBe(network);
  });
});
