'use strict';
// Reads the page's own data and nothing else. A map is 16-bit steps between its least and its largest value; colours are those of the pictures.
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const one = (selector, root = document) => root.querySelector(selector);

  // ---- tables that sort by a column ----
  for (const table of all('table.sorts')) {
    const heads = all('thead th', table);
    heads.forEach((head, column) => one('button', head)?.addEventListener('click', () => {
      const falling = head.getAttribute('aria-sort') !== 'descending';
      heads.forEach(other => other.removeAttribute('aria-sort'));
      head.setAttribute('aria-sort', falling ? 'descending' : 'ascending');
      const body = one('tbody', table), key = row => row.cells[column].dataset.value ?? row.cells[column].textContent;
      const numeric = all('tr', body).every(row => key(row) === '' || !isNaN(key(row)));
      const order = (a, b) => numeric ? (key(a) === '' ? -Infinity : +key(a)) - (key(b) === '' ? -Infinity : +key(b)) : key(a).localeCompare(key(b));
      body.append(...all('tr', body).sort((a, b) => (falling ? -1 : 1) * order(a, b)));
    }));
  }
  one('#unfold')?.addEventListener('click', event => {
    const open = event.target.getAttribute('aria-pressed') !== 'true';
    event.target.setAttribute('aria-pressed', open);
    all('details.stage').forEach(stage => { stage.open = open; });
  });

  // ---- maps ----
  const block = document.getElementById('maps');
  if (!block) return;
  const data = JSON.parse(block.textContent), live = one('#live');
  const opacity = one('#opacity'), scale = one('#scale'), step = one('#step');
  const figures = all('figure.of-map').map(figure => {
    const row = data.rows[figure.dataset.row], column = row.maps[figure.dataset.map], { step } = figure.dataset, map = step ? column.evolution[step] : column;
    return { figure, row, map, canvas: one('canvas.map', figure), read: one('.read', figure), drawn: false };
  });

  // A map of cells, enlarged bilinearly between half-pixel centres and mirrored about the centre of the edge cell, as the maps of the data files are.
  function enlarge(cells, { rows, columns }, { height, width }) {
    const taps = (from, to) => Array.from({ length: to }, (_, i) => {
      const at = (i + 0.5) * from / to - 0.5, low = Math.floor(at);
      const inside = k => from === 1 ? 0 : k < 0 ? -k : k >= from ? 2 * from - 2 - k : k;
      return [inside(low), inside(low + 1), at - low];
    });
    const across = taps(columns, width), values = new Float64Array(height * width);
    taps(rows, height).forEach(([up, down, v], y) => across.forEach(([left, right, h], x) => {
      const line = row => (1 - h) * cells[row * columns + left] + h * cells[row * columns + right];
      values[y * width + x] = (1 - v) * line(up) + v * line(down);
    }));
    return values;
  }

  function values(map, row) {
    if (map.values) return map.values;
    const bytes = Uint8Array.from(atob(map.data), letter => letter.charCodeAt(0)), view = new DataView(bytes.buffer);
    map.values = new Float64Array(bytes.length / 2);
    for (let i = 0; i < map.values.length; i++) map.values[i] = map.low + view.getUint16(2 * i, true) * (map.high - map.low) / 65535;
    delete map.data;
    if (map.rows) map.values = enlarge(map.values, map, row);
    return map.values;
  }

  // The photo, in grey. It is in the page, so that it is there once the page is: a page that is about to be printed cannot wait.
  function tones(row) {
    if (!row.tones) {
      const image = one(`#photo-${data.rows.indexOf(row)}`);
      const canvas = document.createElement('canvas');
      [canvas.width, canvas.height] = [row.width, row.height];
      const on = canvas.getContext('2d', { willReadFrequently: true });
      on.drawImage(image, 0, 0, row.width, row.height);
      const pixels = on.getImageData(0, 0, row.width, row.height).data;
      row.tones = new Float32Array(row.width * row.height);
      for (let i = 0; i < row.tones.length; i++)
        row.tones[i] = 40 + 0.75 * (0.2125 * pixels[4 * i] + 0.7154 * pixels[4 * i + 1] + 0.0721 * pixels[4 * i + 2]);
    }
    return row.tones;
  }

  const top = map => (map.shared ? data.shared : map.top) * (scale.value / 100);
  const plain = number => number === 0 ? '0' : Math.abs(number) < 0.001 || Math.abs(number) >= 1e5 ? number.toExponential(2) : String(+number.toPrecision(4));

  function draw(entry) {
    const { map, row, canvas } = entry, numbers = values(map, row), grey = tones(row), end = top(map), strength = opacity.value / 100;
    const on = canvas.getContext('2d'), image = on.createImageData(row.width, row.height), steps = data.warm.length - 1;
    for (let i = 0; i < numbers.length; i++) {
      const place = numbers[i] / end, size = Math.min(1, Math.abs(place));
      const colour = (place < 0 ? data.cold : data.warm)[Math.round(size * steps)], share = strength * Math.min(1, size / 0.15);
      for (let c = 0; c < 3; c++) image.data[4 * i + c] = grey[i] + (colour[c] - grey[i]) * share;
      image.data[4 * i + 3] = 255;
    }
    on.putImageData(image, 0, 0);
    const mark = row.mark;
    if (mark) {
      const [left, right] = [Math.min(mark.x, mark.x2), Math.max(mark.x, mark.x2)], [up, down] = [Math.min(mark.y, mark.y2), Math.max(mark.y, mark.y2)];
      for (const [colour, inset] of [['#000', -1], ['#fff', 0]]) {
        on.strokeStyle = colour;
        on.strokeRect(left - 0.5 + inset, up - 0.5 + inset, right - left + 2 - 2 * inset, down - up + 2 - 2 * inset);
      }
    }
    const bar = one('.key canvas', entry.figure);
    if (bar) {
      const paint = bar.getContext('2d'), signed = map.low < 0 && !map.shared;
      for (let x = 0; x < bar.width; x++) {
        const place = signed ? 2 * x / (bar.width - 1) - 1 : x / (bar.width - 1), colour = (place < 0 ? data.cold : data.warm)[Math.round(Math.abs(place) * steps)];
        paint.fillStyle = `rgb(${colour.join(',')})`;
        paint.fillRect(x, 0, 1, bar.height);
      }
      one('.least', entry.figure).textContent = signed ? plain(-end) : '0';
      one('.most', entry.figure).textContent = plain(end);
    }
    entry.drawn = true;
    canvas.dataset.drawn = '1';
  }

  function describe(entry) {
    const { map, row, read } = entry, mark = row.mark;
    if (!mark) { read.textContent = ''; return ''; }
    const numbers = values(map, row), [left, right] = [Math.min(mark.x, mark.x2), Math.max(mark.x, mark.x2)], [up, down] = [Math.min(mark.y, mark.y2), Math.max(mark.y, mark.y2)];
    let sum = 0;
    for (let y = up; y <= down; y++) for (let x = left; x <= right; x++) sum += numbers[y * row.width + x];
    read.textContent = left === right && up === down
      ? `${plain(sum)} ${map.unit} at row ${up}, column ${left}`
      : `${plain(sum)} ${map.unit === 'bits / pixel' ? 'bits' : 'in sum'} in rows ${up} to ${down}, columns ${left} to ${right}`;
    return read.textContent;
  }

  function show(row, say) {
    for (const entry of figures.filter(each => each.row === row)) {
      const text = describe(entry);
      if (entry.drawn) draw(entry);
      if (entry === say && live) live.textContent = text;
    }
  }

  for (const entry of figures) {
    const { canvas, row } = entry;
    let anchor = null;
    const at = event => {
      const box = canvas.getBoundingClientRect(), clamp = (v, most) => Math.max(0, Math.min(most, Math.floor(v)));
      return [clamp((event.clientX - box.left) / box.width * row.width, row.width - 1), clamp((event.clientY - box.top) / box.height * row.height, row.height - 1)];
    };
    canvas.addEventListener('pointerdown', event => { anchor = at(event); row.held = false; canvas.setPointerCapture(event.pointerId); });
    canvas.addEventListener('pointermove', event => {
      const [x, y] = at(event);
      if (row.held && !anchor) return;
      row.mark = anchor ? { x: anchor[0], y: anchor[1], x2: x, y2: y } : { x, y, x2: x, y2: y };
      show(row);
    });
    canvas.addEventListener('pointerup', event => {
      const [x, y] = at(event);
      row.held = anchor !== null && (anchor[0] !== x || anchor[1] !== y);
      anchor = null;
    });
    canvas.addEventListener('keydown', event => {
      const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }, move = moves[event.key];
      if (event.key === 'Escape') { row.mark = null; row.held = false; show(row, entry); return; }
      if (!move) return;
      event.preventDefault();
      const far = event.ctrlKey ? 10 : 1, clamp = (v, most) => Math.max(0, Math.min(most, v));
      const mark = row.mark ?? { x: row.width >> 1, y: row.height >> 1, x2: row.width >> 1, y2: row.height >> 1 };
      const x = clamp(mark.x2 + far * move[0], row.width - 1), y = clamp(mark.y2 + far * move[1], row.height - 1);
      row.mark = event.shiftKey ? { ...mark, x2: x, y2: y } : { x, y, x2: x, y2: y };
      row.held = true;
      show(row, entry);
    });
  }

  const redraw = () => {
    one('#opacity-is').textContent = `${opacity.value} %`;
    one('#scale-is').textContent = `${scale.value} %`;
    figures.filter(entry => entry.drawn).forEach(draw);
  };
  opacity.addEventListener('input', redraw);
  scale.addEventListener('input', redraw);

  const choices = all('input[name=column]');
  const choose = () => {
    const only = step && +step.value > 0 ? +step.value - 1 : null;
    if (step) one('#step-is').textContent = only === null ? 'all' : data.columns[only];
    for (const entry of figures) {
      const column = +entry.figure.dataset.map;
      if (entry.figure.dataset.step) continue;
      entry.figure.hidden = only !== null ? column !== only : choices.length > 0 && !choices[column].checked;
    }
  };
  choices.forEach(choice => choice.addEventListener('change', choose));
  step?.addEventListener('input', choose);

  const seen = new IntersectionObserver(entries => {
    for (const { target } of entries.filter(each => each.isIntersecting)) {
      seen.unobserve(target);
      draw(figures.find(entry => entry.figure === target));
    }
  }, { rootMargin: '400px' });
  const begin = () => figures.forEach(entry => seen.observe(entry.figure));
  const drawAll = () => figures.filter(entry => !entry.drawn).forEach(draw);
  if (document.readyState === 'complete') begin(); else addEventListener('load', begin);
  addEventListener('beforeprint', drawAll);
  matchMedia('print').addEventListener('change', event => { if (event.matches) drawAll(); });
})();
