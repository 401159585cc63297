export declare const NEIGHBOURS: { readonly first: number; readonly count: number };
