/** How a line of a stack names a place in a file. Used in both threads. */

/** Matches a frame of a file: its file as URL or path, then line and column. Frames of Node and `<anonymous>` do not match. */
export const FRAME: RegExp = /(?:^|[\s(])((?:file:|data:|\/|[A-Za-z]:\\).*?)(:\d+:\d+)\)?$/;
