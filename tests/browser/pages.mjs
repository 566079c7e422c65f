// Opens pages in Chromium and does what a reader does. Arguments: the browser, then a file of JSON, [{ "file", "kind", ... }]. Prints one line for each thing
// that is wrong, and exits with 1 if there is one.
import { pathToFileURL } from 'node:url';
import { accessible, browser, end, judge, plan, watch } from './checks.mjs';

for (const { file, kind, pixel, expected, last, title, shots, brief } of plan) {
  const { wrong, must } = judge(file);
  const url = pathToFileURL(file).href;
  for (const [width, colorScheme] of brief ? [[1600, 'light']] : [[1600, 'light'], [400, 'dark']]) {
    const context = await browser.newContext({ viewport: { width, height: 1000 }, colorScheme });
    const page = await context.newPage();
    watch(page, wrong);
    page.on('request', request => { if (request.url() !== url && !request.url().startsWith('data:')) wrong(`it asked for ${request.url()}`); });
    const start = Date.now();
    await page.goto(url);
    if (pixel) {
      await page.locator('canvas.map').first().scrollIntoViewIfNeeded();
      await page.locator('canvas.map[data-drawn]').first().waitFor();
    }
    console.error(`${file}: drawn ${Date.now() - start} ms after it was opened, ${width} pixels wide`);
    must(await page.title() === title, `its title is ${await page.title()}`);
    must(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `at ${width} pixels it is wider than the window`);
    if (shots) await page.screenshot({ path: `${shots}-${width}.png`, fullPage: true });

    if (pixel) {
      const canvas = page.locator('canvas.map').first(), read = page.locator('figure.of-map .read').first();
      await canvas.scrollIntoViewIfNeeded();
      const box = await canvas.boundingBox(), extents = await canvas.evaluate(each => [each.width, each.height]);
      await page.mouse.move(box.x + (pixel[1] + 0.5) / extents[0] * box.width, box.y + (pixel[0] + 0.5) / extents[1] * box.height);
      const text = await read.textContent();
      must(text.endsWith(`at row ${pixel[0]}, column ${pixel[1]}`), `the pointer reads '${text}'`);
      must(Math.abs(parseFloat(text) - expected) <= 1e-3 * Math.abs(expected) + 1e-6, `the pointer reads '${text}' instead of ${expected}`);

      if (last !== undefined) {
        const strip = await page.locator('details figure.of-map .read').nth(2).textContent();
        must(Math.abs(parseFloat(strip) - last) <= 1e-3 * Math.abs(last) + 1e-6, `the strip reads '${strip}' instead of ${last}`);
      }

      const pixels = () => canvas.evaluate(each => each.toDataURL());
      const before = await pixels();
      await page.locator('#opacity').fill('0');
      await page.waitForFunction(old => document.querySelector('canvas.map').toDataURL() !== old, before);
      must(await page.locator('#opacity-is').textContent() === '0 %', 'the opacity is not said');
      await page.locator('#opacity').fill('100');
      const end = await page.locator('.most').first().textContent();
      await page.locator('#scale').fill('50');
      await page.waitForFunction(old => document.querySelector('.most').textContent !== old, end);
      must(Math.abs(parseFloat(await page.locator('.most').first().textContent()) - parseFloat(end) / 2) < 1e-3 * parseFloat(end), 'half of the scale is not half');

      await canvas.focus();
      await page.keyboard.press('Escape');
      await page.keyboard.press('ArrowRight');
      must(/at row \d+, column \d+$/.test(await page.locator('#live').textContent()), 'an arrow key reads nothing');
      await page.keyboard.press('Shift+ArrowDown');
      must(/in rows \d+ to \d+, columns/.test(await page.locator('#live').textContent()), 'Shift and an arrow key draw no frame');

      const boxes = page.locator('input[name=column]'), figures = page.locator('figure.of-map');
      if (await boxes.count() > 1) {
        await boxes.first().uncheck();
        must(!await figures.first().isVisible() && await figures.nth(1).isVisible(), 'a column that is switched off stays');
        await page.locator('#step').fill('1');
        must(await figures.first().isVisible() && !await figures.nth(1).isVisible(), 'step 1 does not show the first column alone');
        await page.locator('#step').fill('0');
      }
    }
    if (kind === 'tape') {
      const table = page.locator('table.sorts'), column = 5;
      await table.locator('th button').nth(column).click();
      const times = await table.locator(`tbody tr td:nth-child(${column + 1})`).evaluateAll(cells => cells.map(cell => +(cell.dataset.value || -1)));
      must(times.length > 20 && times.every((time, i) => i === 0 || times[i - 1] >= time), 'the table is not sorted by time');
      must(await table.locator('th[aria-sort=descending]').count() === 1, 'the sorted column is not marked');
      const layer = page.locator('section', { has: page.locator('#layers') }).locator('tbody tr').nth(2);
      const [norm, hover] = [await layer.locator('td').first().textContent(), await layer.locator('svg title').first().textContent()];
      must(/\d/.test(norm) && hover.endsWith(`: ${norm}`), `a bar says '${hover}' where the norm is ${norm}`);
      await page.locator('#unfold').click();
      must(await page.locator('details.stage:not([open])').count() === 0, 'a stage stays folded');
      must(await page.locator('details.stage svg').first().isVisible(), 'the graph does not show');
    }
    // What is printed: no control, every map, whole tables on white paper.
    await page.emulateMedia({ media: 'print', colorScheme: 'dark' });
    await page.waitForFunction(() => !document.querySelector('canvas.map:not([data-drawn])')).catch(() => wrong('maps are printed blank'));
    const printed = await page.evaluate(() => ({
      controls: [...document.querySelectorAll('.controls, .hint, button')].filter(each => each.offsetParent !== null).length,
      cut: [...document.querySelectorAll('.scroll')].filter(each => getComputedStyle(each).overflowX !== 'visible').length,
      heads: [...document.querySelectorAll('table.sorts thead th')].filter(each => getComputedStyle(each, '::before').content !== JSON.stringify(each.textContent)).length,
      ink: getComputedStyle(document.body).color, paper: getComputedStyle(document.body).backgroundColor,
    }));
    must(printed.controls === 0, `${printed.controls} controls are printed`);
    must(printed.cut === 0, `${printed.cut} tables are cut where they are printed`);
    must(printed.heads === 0, `${printed.heads} heads of columns are not printed`);
    must(printed.ink === 'rgb(0, 0, 0)' && printed.paper === 'rgb(255, 255, 255)', `it is printed in ${printed.ink} on ${printed.paper}`);
    await context.close();
    if (brief) continue;

    const looked = await browser.newContext({ viewport: { width, height: 1000 }, colorScheme });
    const again = await looked.newPage();
    await again.goto(url);
    await accessible(again, what => wrong(`${width} pixels, ${colorScheme}: ${what}`));
    await looked.close();
  }
}
await end();
