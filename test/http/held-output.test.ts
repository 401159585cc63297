import { Writable } from 'node:stream';
import { describe, expect, it, vi } from 'vitest';
import { HeldOutput } from '../../src/http/held-output.ts';

/** A stream whose writes are done when the test says so. */
class Slow extends Writable {
  readonly #waiting: (() => void)[] = [];

  override _write(_chunk: unknown, _encoding: unknown, done: () => void): void {
    this.#waiting.push(done);
  }

  send(): void {
    this.#waiting.shift()?.();
  }
}

function rig(max: number): { held: HeldOutput; overflow: ReturnType<typeof vi.fn>; stream: () => Slow } {
  const overflow = vi.fn();
  const held = new HeldOutput(max, overflow);
  const stream = (): Slow => {
    const made = new Slow();
    held.add(made);
    return made;
  };
  return { held, overflow, stream };
}

const kilobyte = Buffer.alloc(1_024);

describe('HeldOutput', () => {
  it('is the sum of all streams, and refuses a further write past the bound, once', () => {
    const { overflow, stream } = rig(4_096);
    const streams = [stream(), stream(), stream(), stream()];
    for (const each of streams) each.write(kilobyte);
    expect(overflow).not.toHaveBeenCalled();
    for (const each of streams) each.write(kilobyte);
    expect(overflow).toHaveBeenCalledOnce();
    expect(overflow).toHaveBeenCalledWith(expect.objectContaining({ code: 'FORKLESS_OUTPUT_OVERFLOW' }));
  });

  it('lets a first write be of any length', () => {
    const { overflow, stream } = rig(1_024);
    const only = stream();
    only.end(Buffer.alloc(1_000_000));
    expect(overflow).not.toHaveBeenCalled();
    stream().end('x');
    expect(overflow).toHaveBeenCalledOnce();
  });

  it('counts what small writes cost', () => {
    const { overflow, stream } = rig(1_000_000);
    const only = stream();
    let writes = 0;
    while (overflow.mock.calls.length === 0 && writes < 1_000_000) {
      only.write('x');
      writes += 1;
    }
    expect(writes).toBeLessThan(5_000);
  });

  it('forgets what has been sent, and streams that have closed', async () => {
    const { overflow, stream } = rig(2_048);
    const [one, two] = [stream(), stream()];
    for (let at = 0; at < 100; at += 1) {
      one.write(kilobyte);
      one.send();
      await new Promise<void>((resolve) => {
        process.nextTick(resolve);
      });
    }
    two.write(Buffer.alloc(4_096));
    two.destroy();
    await new Promise(setImmediate);
    one.write(kilobyte);
    expect(overflow).not.toHaveBeenCalled();
  });

  it('passes callbacks, encodings and results on', async () => {
    const { stream } = rig(1_000);
    const only = stream();
    const told = vi.fn();
    expect(only.write('6869', 'hex', told)).toBe(true);
    expect(only.writableLength).toBe(2);
    only.write('x', told);
    only.send();
    await new Promise(setImmediate);
    only.send();
    await new Promise(setImmediate);
    expect(told).toHaveBeenCalledTimes(2);
  });
});
