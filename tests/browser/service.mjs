// Does what a visitor of the service's page does: { "open", "guarded", "full": addresses of services, "key", "photo", "broken", "large": files,
// "expected": { BETA: [BITS, MOST, PROBABILITY] }, "other": [CLASS, LABEL, BITS], "shots" }. See checks.mjs.
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { basename } from 'node:path';
import { accessible, browser, end, judge, plan, watch } from './checks.mjs';

const { open, guarded, full, key, photo, broken, large, expected, other, shots } = plan;
const name = basename(photo);

for (const [width, colorScheme] of [[1600, 'light'], [400, 'dark']]) {
  const { wrong, must } = judge(`${width} pixels, ${colorScheme}`);
  const context = await browser.newContext({ viewport: { width, height: 1000 }, colorScheme });

  // Opens a service's page. A browser logs every answer that is no success: those that are meant are named.
  const visit = async (url, ...refusals) => {
    const page = await context.newPage();
    page.setDefaultTimeout(120_000);
    watch(page, wrong, text => refusals.some(status => text.includes(`status of ${status} `)));
    page.on('request', asked => { if (!/^(blob|data):/.test(asked.url()) && !asked.url().startsWith(url)) wrong(`it asked for ${asked.url()}`); });
    await page.goto(url);
    return page;
  };
  const said = (page, text) => page.waitForFunction(part => document.querySelector('#said').textContent.includes(part), text);
  const choose = (page, file) => page.locator('#photo').setInputFiles(file);
  // Looks at the page: nothing is wider than the window, and axe-core finds nothing.
  const look = async (page, what) => {
    must(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${what}: it is wider than the window`);
    await accessible(page, mistake => wrong(`${what}: ${mistake}`));
    if (shots) await page.screenshot({ path: `${shots}-${what}-${width}.png`, fullPage: true });
  };
  // The row of the current β, and the picture.
  const shown = page => page.evaluate(() => [
    [...document.querySelector('#tried tr[aria-current]').cells].map(cell => cell.textContent), document.querySelector('#map').src]);
  const numbers = (actual, beta) => {
    const [bits, most, probability] = expected[beta], row = [beta, `${Math.round(bits)}`, most.toPrecision(3), probability.toFixed(3)];
    must(actual.join() === row.join(), `the table says ${actual} instead of ${row}`);
  };

  const page = await visit(open, 400, 413, 422);
  await look(page, 'empty');
  // A file that is dropped on the page: a script may make one, but only the visitor's hand may take one from a folder.
  const dropped = await page.evaluateHandle(([bytes, called]) => {
    const transfer = new DataTransfer();
    transfer.items.add(new File([Uint8Array.from(atob(bytes), letter => letter.charCodeAt(0))], called, { type: 'image/png' }));
    return transfer;
  }, [readFileSync(photo).toString('base64'), name]);
  await page.dispatchEvent('body', 'dragover', { dataTransfer: dropped });
  must(await page.locator('body.dropping').count() === 1, 'a file over the page is not answered');
  await page.dispatchEvent('body', 'drop', { dataTransfer: dropped });
  await said(page, `${name}, β = 10: `);
  must(await page.locator('body.dropping').count() === 0, 'the page still waits for the file to drop');
  const [first, firstMap] = await shown(page);
  numbers(first, '10');
  must(await page.locator('#map').evaluate(map => map.decode().then(() => map.naturalWidth > 0)), 'the map is no picture');
  must(await page.locator('#shown').evaluate(map => map.naturalWidth === 70), 'the photo does not show');
  must(await page.locator('#photo').evaluate(input => input.files[0].name) === name, 'the photo that was dropped is not the one that is chosen');

  // By keys alone: from the file to the slider, and to its left end by steps of a tenth of a decade.
  await page.locator('#photo').focus();
  await page.keyboard.press('Tab');
  for (let i = 0; i < 20; i++) await page.keyboard.press('ArrowLeft');
  must(await page.locator('#beta-is').textContent() === '0.1', 'the slider does not say its value');
  must(await page.locator('#beta').getAttribute('aria-valuetext') === '0.1', 'the slider does not tell its value');
  await said(page, `${name}, β = 0.1: `);
  const [second, secondMap] = await shown(page);
  numbers(second, '0.1');
  must(secondMap !== firstMap && second[1] !== first[1], 'another β has the same map and bits');
  // A β on the way is asked for where the machine is so slow that the slider seems to rest.
  const tried = await page.locator('#tried th').allTextContents();
  must(tried.includes('10') && tried.includes('0.1'), 'the first β is forgotten');
  await look(page, 'map');

  // On the first map's scale the second is another picture.
  await page.locator('#beta').fill('10');
  await said(page, `${name}, β = 10: `);
  await page.locator('#same').check();
  await page.locator('#beta').fill('-10');
  await said(page, `${name}, β = 0.1: `);
  must(![firstMap, secondMap].includes((await shown(page))[1]), 'the colour scale is not kept');
  await page.locator('#same').uncheck();
  await page.waitForFunction(map => document.querySelector('#map').src === map, secondMap);

  await page.locator('#target').fill(other[0]);
  await page.keyboard.press('Enter');
  await said(page, `${Math.round(other[2])} bits for ${other[1]}.`);
  must((await page.locator('#numbers').textContent()).includes('predicted is'), 'the predicted class is not said');
  for (const [button, ending] of [['#report', '.iba.html'], ['#data', '.iba.safetensors']]) {
    const [download] = await Promise.all([page.waitForEvent('download'), page.locator(button).click()]);
    must(download.suggestedFilename() === name.replace('.png', ending), `the download is called ${download.suggestedFilename()}`);
  }
  await page.locator('#target').fill('no such class');
  await page.keyboard.press('Enter');
  await said(page, 'no class has that number or name');
  await page.locator('#target').fill('');

  await choose(page, broken);
  await said(page, `No map of ${basename(broken)}: the file is a text`);
  must(!await page.locator('#found').isVisible(), 'the map of another photo stays');
  must(!await page.locator('#again').isVisible(), 'a file that is no photo could be tried again');
  await look(page, 'broken');
  await choose(page, large);
  await said(page, `No map of ${basename(large)}: a photo has at most`);
  await page.close();

  const locked = await visit(guarded, 401);
  must(!await locked.locator('#key').isVisible(), 'a key is asked for too early');
  await choose(locked, photo);
  await said(locked, 'the API key is missing');
  await look(locked, 'key');
  await locked.keyboard.type('not the right key');
  await locked.keyboard.press('Enter');
  await said(locked, 'the API key is wrong');
  await locked.locator('#key').fill(key);
  await locked.keyboard.press('Enter');
  await said(locked, `${name}, β = 10: `);
  await locked.close();

  // A photo of which half arrives takes the only place.
  const state = async wanted => { while ((await fetch(new URL('readyz', full))).ok !== wanted); };
  const half = request(new URL('explain', full), { method: 'POST', headers: { 'Content-Type': 'image/png', 'Content-Length': 1000 } });
  half.on('error', () => { });
  half.write('begin');
  await state(false);
  const busy = await visit(full, 429);
  await choose(busy, photo);
  await said(busy, 'the queue is full');
  await look(busy, 'full');
  half.destroy();
  await state(true);
  await busy.locator('#again').click();
  await said(busy, `${name}, β = 10: `);
  must(!await busy.locator('#again').isVisible(), 'what has succeeded can be tried again');
  await context.close();
}
await end();
