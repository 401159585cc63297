export declare function bytesOf(seed: number, from: number, size: number): Buffer;
export declare function ownBytesOf(index: number, from: number, size: number): Buffer;
