// What all pages are checked for. Arguments of a script that imports it: the browser, then a file of JSON with its plan.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const [, , executablePath, file] = process.argv;
const mistakes = [];

export const plan = JSON.parse(readFileSync(file, 'utf8'));
export const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });

// Two ways to note a mistake of a page.
export function judge(name) {
  const wrong = what => mistakes.push(`${name}: ${what}`);
  return { wrong, must: (holds, what) => { if (!holds) wrong(what); } };
}

// No message of the console, no exception and no dialog.
export function watch(page, wrong, mayLog = () => false) {
  page.on('console', message => { if (['error', 'warning'].includes(message.type()) && !mayLog(message.text())) wrong(`console: ${message.text()}`); });
  page.on('pageerror', error => wrong(`error: ${error.message}`));
  page.on('dialog', dialog => { wrong(`a dialog: ${dialog.message()}`); dialog.dismiss(); });
}

// No mistake that axe-core finds. It is run by the debugger, which no policy of the page stops.
export async function accessible(page, wrong) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document));
  for (const { id, help, nodes } of violations)
    wrong(`axe: ${id}, ${help}: ${nodes.slice(0, 3).map(node => node.html.slice(0, 150)).join(' | ')}`);
}

// Prints one line for each mistake, and exits with 1 if there is one.
export async function end() {
  await browser.close();
  for (const mistake of mistakes) console.log(mistake);
  process.exit(mistakes.length > 0 ? 1 : 0);
}
