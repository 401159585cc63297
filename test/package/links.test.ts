import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { dirname, join, posix, relative } from 'node:path';
import { describe, expect, test } from 'vitest';

const root = join(import.meta.dirname, '../..');
const { files: packed } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { files: string[] };

const pagesIn = (folder: string): string[] =>
  readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = posix.join(folder, entry.name);
    if (entry.isDirectory()) return /^(node_modules|dist|\.git|seed)$/.test(entry.name) ? [] : pagesIn(path);
    return entry.name.endsWith('.md') ? [path] : [];
  });

/** The links of a page that lead to this repository, without those in code. */
function linksOf(page: string): { target: string; anchor: string | undefined }[] {
  const prose = readFileSync(join(root, page), 'utf8')
    .replace(/^```[^]*?^```/gm, '')
    .replace(/`[^`\n]*`/g, '');
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)]
    .map((match) => match[1] ?? '')
    .filter((link) => !/^[a-z]+:/.test(link))
    .map((link) => {
      const [path = '', anchor] = link.split('#');
      return { target: path === '' ? page : posix.join(dirname(page), path), anchor };
    });
}

/** The anchors that a host of repositories gives to the headings of a page. */
const anchorsOf = (page: string): string[] =>
  [
    ...readFileSync(join(root, page), 'utf8')
      .replace(/^```[^]*?^```/gm, '')
      .matchAll(/^#+ (.+)$/gm),
  ].map((match) =>
    (match[1] ?? '')
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  );

// npm packs these whatever `files` says.
const isPacked = (path: string): boolean =>
  ['README.md', 'package.json', 'LICENSE', ...packed].some(
    (entry) => path === entry || path.startsWith(`${entry}/`),
  );

const pages = pagesIn('.');

describe('the links of the docs', () => {
  test('lead to files and headings that are there', () => {
    const broken = pages.flatMap((page) =>
      linksOf(page)
        .filter(({ target, anchor }) => {
          const path = join(root, target);
          if (!existsSync(path)) return true;
          return anchor !== undefined && statSync(path).isFile() && !anchorsOf(target).includes(anchor);
        })
        .map(({ target, anchor }) => `${page}: ${target}${anchor === undefined ? '' : `#${anchor}`}`),
    );
    expect(pages.length).toBeGreaterThan(10);
    expect(broken).toEqual([]);
  });

  test('and the paths named in code are those of files that are there', () => {
    const missing = pages.flatMap((page) =>
      [...readFileSync(join(root, page), 'utf8').matchAll(/`((?:src|test|tools|examples|docs)\/[\w./-]+)`/g)]
        .map((match) => match[1] ?? '')
        .filter((path) => !existsSync(join(root, path)))
        .map((path) => `${page}: ${path}`),
    );
    expect(missing).toEqual([]);
  });

  test('lead from pages that npm users get to pages and programs that they get as well', () => {
    const outside = pages
      .filter(isPacked)
      .flatMap((page) => linksOf(page).map(({ target }) => ({ page, target })))
      .filter(({ target }) => !isPacked(relative('.', target)))
      .map(({ page, target }) => `${page}: ${target}`);
    expect(outside).toEqual([]);
  });
});
