import { describe, expect, it } from 'vitest';
import { WaitingRoom } from '../../../src/main/listener/waiting-room.ts';
import { connection } from './rig.ts';

const ids = (room: WaitingRoom): number[] => [...room].map(({ id }) => id);

describe('the waiting room', () => {
  it('is empty at first', () => {
    const room = new WaitingRoom();
    expect([room.size, room.oldest, ids(room)]).toEqual([0, undefined, []]);
  });

  it('keeps the order of arrival', () => {
    const room = new WaitingRoom();
    for (const id of [5, 3, 9]) room.enter(connection(id));
    expect(ids(room)).toEqual([5, 3, 9]);
  });

  it('lets anybody leave, once', () => {
    const room = new WaitingRoom();
    const all = [1, 2, 3].map((id) => connection(id));
    for (const each of all) room.enter(each);
    expect(room.leave(all[1]!)).toBe(true);
    expect(room.leave(all[1]!)).toBe(false);
    expect(ids(room)).toEqual([1, 3]);
    expect(room.size).toBe(2);
  });

  it('puts who came back before all others, in their order', () => {
    const room = new WaitingRoom();
    for (const id of [7, 8]) room.enter(connection(id, id));
    room.putBack([connection(2, 2), connection(4, 4)]);
    expect(ids(room)).toEqual([2, 4, 7, 8]);
    room.enter(connection(9, 9));
    expect(ids(room)).toEqual([2, 4, 7, 8, 9]);
  });

  it('keeps the order of arrival among those who came back at different times', () => {
    const room = new WaitingRoom();
    room.enter(connection(9, 90));
    room.putBack([connection(2, 20), connection(5, 50)]);
    room.putBack([connection(1, 20), connection(4, 40)]);
    room.putBack([connection(6, 60)]);
    expect(ids(room)).toEqual([1, 2, 4, 5, 6, 9]);
  });

  it('knows the oldest, also when it came back', () => {
    const room = new WaitingRoom();
    room.enter(connection(1, 100));
    room.enter(connection(2, 200));
    expect(room.oldest).toBe(100);
    const back = connection(3, 50);
    room.putBack([back]);
    expect(room.oldest).toBe(50);
    room.leave(back);
    expect(room.oldest).toBe(100);
  });

  it('may be left while somebody walks through it', () => {
    const room = new WaitingRoom();
    for (let id = 1; id <= 6; id++) room.enter(connection(id));
    const seen: number[] = [];
    for (const each of room) {
      seen.push(each.id);
      if (each.id % 2 === 0) room.leave(each);
    }
    expect(seen).toEqual([1, 2, 3, 4, 5, 6]);
    expect(ids(room)).toEqual([1, 3, 5]);
  });
});
