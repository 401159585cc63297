import { PIECE, pieceAt, rightAt } from '../differential/pattern.ts';

/** What a neighbour says, and whether what it hears is the answer. */
export interface Speech {
  /** Bytes said and not answered. */
  readonly unanswered: number;
  /** The next of what it says. */
  say(): Buffer | string;
  /** Returns what is wrong with it. */
  hear(chunk: Buffer): string | undefined;
}

/** To a handler that sends all back. */
export class Bytes implements Speech {
  readonly #seed: number;
  #said = 0;
  #heard = 0;

  constructor(seed: number) {
    this.#seed = seed;
  }

  get unanswered(): number {
    return this.#said - this.#heard;
  }

  say(): Buffer {
    const piece = pieceAt(this.#seed, this.#said);
    this.#said += PIECE;
    return piece;
  }

  hear(chunk: Buffer): string | undefined {
    const right = chunk.length <= this.unanswered && rightAt(this.#seed, this.#heard, chunk);
    this.#heard += chunk.length;
    return right ? undefined : `wrong bytes before ${this.#heard} of ${this.#said}`;
  }
}

const LINE = 1_500;

/** To a handler that answers each line by it, perhaps with the number of its worker, and perhaps greets first. */
export class Lines implements Speech {
  readonly #name: string;
  readonly #wanted: string[] = [];
  #lines = 0;
  #rest = '';
  #greeted = false;

  constructor(name: string) {
    this.#name = name;
  }

  get unanswered(): number {
    return this.#wanted.length * LINE;
  }

  say(): string {
    const line = `${this.#name} ${(this.#lines += 1)} ${'x'.repeat(LINE)}`;
    this.#wanted.push(line);
    return `${line}\n`;
  }

  hear(chunk: Buffer): string | undefined {
    const lines = (this.#rest + chunk.toString('latin1')).split('\r\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) {
      if (!this.#greeted && line.startsWith('welcome ')) this.#greeted = true;
      else if (line.replace(/^\d+: /, '') !== this.#wanted.shift())
        return `a wrong line: ${line.slice(0, 60)}`;
    }
    return undefined;
  }
}
