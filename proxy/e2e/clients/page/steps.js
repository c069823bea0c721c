// The steps that page.js knows. Each waits for what it wants to see, and says what is wrong with it.
'use strict';

const fs = require('fs');

const axe = fs.readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

const text = (page, selector) => page.locator(selector).innerText();

// until waits until the page's own code finds so.
const until = (page, found, given) => page.waitForFunction(found, given, { polling: 50 });

const sentence = (page, words) => until(page, (want) => document.querySelector('#summary').textContent.includes(want), words);

const isLive = (page) => until(page, () => document.querySelector('#live').textContent === 'live');

const row = (name) => `#backends tr:has(th:has-text("${name}"))`;

// past: the modules of the page do with what they are told as they should.
exports.past = async ({ page, url, wrong }) => {
  wrong.push(...await page.evaluate(require('./past.js'), url + 'page/'));
  const offered = await page.evaluate(async (scripts) => {
    const { offer } = await import(scripts + 'sessions.js');
    const select = document.querySelector('#filter-backend');
    const is = () => [...select.options].map((option) => option.value).join();
    const names = is().split(',').slice(1);
    offer('filter-backend', [...names, 'gone', 'chosen'], true);
    select.value = 'chosen';
    offer('filter-backend', [...names], true);
    const left = is();
    select.value = '';
    offer('filter-backend', [...names], true);
    return [left, is(), ['', ...names].join()];
  }, url + 'page/');
  if (offered[0] !== offered[2] + ',chosen' || offered[1] !== offered[2]) wrong.push(`the filter offers ${offered[0]}, then ${offered[1]}, of ${offered[2]}`);
};

// open: the page is live, and says how all is.
exports.open = async ({ page, url, expect, shoot }, { backends }) => {
  await page.goto(url);
  await isLive(page);
  await sentence(page, `all ${backends.length} backends take sessions`);
  expect(await page.locator('#summary').getAttribute('data-level') === 'well', 'the sentence is not of the level well');
  await until(page, () => document.querySelectorAll('#backends tr').length > 0 && document.querySelector('#chart svg .band.up'));
  const names = await page.locator('#backends th .under').evaluateAll((all) => all.map((under) => under.previousSibling.textContent));
  expect(names.join() === backends.join(), `the backends are ${names}`);
  const lanes = await page.locator('#chart text.name').allTextContents();
  expect(lanes.join() === backends.join(), `the lanes are ${lanes}`);
  await until(page, () => Number(document.querySelector('#number-statements').textContent.replace(/,/g, '')) > 0);
  await until(page, () => / m?s$/.test(document.querySelector('#number-p99').textContent));
  for (const name of backends) {
    await until(page, (of) => [...document.querySelectorAll('#backends tr')].some((tr) => tr.textContent.startsWith(of) && parseFloat(tr.querySelector('[data-label="Statements/s"]').textContent) > 0), name);
  }
  expect(/^Segue \d+\/\d+$/.test(await page.title()), `the title is ${await page.title()}`);
  const foreign = await page.evaluate(() => performance.getEntriesByType('resource').map((r) => r.name).filter((name) => !name.startsWith(location.origin)));
  expect(foreign.length === 0, `loaded from elsewhere: ${foreign}`);
  await shoot('well');
};

// upgraded: each backend has left, been down and come back; sessions have moved, and no client has seen an error.
exports.upgraded = async ({ page, expect, shoot }, { backends }) => {
  await isLive(page);
  const inPicture = (selector, pattern) => until(page, ([of, words]) => [...document.querySelectorAll(`#chart ${of} title`)].some((title) => new RegExp(words).test(title.textContent)), [selector, pattern]);
  for (const name of backends) {
    await inPicture('.band.leaving', `^${name} stopping`);
    await inPicture('.band.down', `^${name} down`);
    await inPicture('.move', `moved from ${name}`);
  }
  await inPicture('g', 'failures? of .* hidden$');
  expect(await text(page, '#number-seen') === '0', `clients saw ${await text(page, '#number-seen')} errors`);
  expect(Number(await text(page, '#number-hidden')) > 0, 'nothing was hidden');
  await page.locator('#happened summary').click();
  const list = await page.locator('#events').innerText();
  for (const words of ['stopping', 'down', 'moved to', 'hidden']) expect(list.includes(words), `the list has no "${words}"`);
  await shoot('upgraded');
  await page.locator('#happened summary').click();
};

// drain: asked for by click, confirmed, and done only with the right token.
exports.drain = async ({ page, token, expect, shoot }, { backend }) => {
  await page.locator(row(backend)).getByRole('button', { name: `Drain ${backend}` }).click();
  const dialog = page.getByRole('dialog');
  await dialog.waitFor();
  await until(page, () => /sessions? moves?/.test(document.querySelector('#dialog-text').textContent));
  await shoot('drain');
  expect(await page.evaluate(() => document.activeElement.id) === 'dialog-cancel', 'the focus is not on Cancel');
  const done = dialog.getByRole('button', { name: `Drain ${backend}` });
  await done.click();
  await page.locator('#dialog-token').waitFor(); // the API wants one
  await page.locator('#dialog-token').fill('wrong');
  await done.click();
  await until(page, () => document.querySelector('#dialog-token').value === '' && !document.querySelector('#dialog-trouble').hidden);
  expect(await page.locator(row(backend)).locator('.state.drain').count() === 0, 'it is drained without the token');
  await page.locator('#dialog-token').fill(token);
  await done.click();
  await dialog.waitFor({ state: 'hidden' });
  await page.locator(row(backend)).locator('.state.drain').waitFor();
  await sentence(page, `${backend} is in drain`);
  await page.locator('#chart g title').filter({ hasText: `drain ${backend}, by 127.0.0.1` }).first().waitFor({ state: 'attached' });
  const kept = await page.evaluate(() => JSON.stringify([location.href, document.cookie, { ...localStorage }, { ...sessionStorage }, document.documentElement.outerHTML.length > 0]));
  expect(!kept.includes(token), 'the token is kept');
  expect(!(await page.evaluate((secret) => document.documentElement.outerHTML.includes(secret), token)), 'the token is in the page');
};

const focused = (page) => page.evaluate(() => {
  const at = document.activeElement;
  return at.getAttribute('aria-label') || at.id || at.textContent.trim();
});

// tabTo presses Tab until something has the focus, and tells what had it on the way.
async function tabTo(page, wanted) {
  const way = [];
  for (let n = 0; n < 80; n++) {
    await page.keyboard.press('Tab');
    const name = await focused(page);
    way.push(name);
    if (name === wanted) return way;
  }
  throw new Error(`Tab does not come to ${wanted}, but to ${way.join(', ')}`);
}

// keyboard: the same without a mouse.
exports.keyboard = async ({ page, expect }, { backend }) => {
  await page.evaluate(() => { document.activeElement.blur(); window.scrollTo(0, 0); });
  await page.mouse.move(0, 0);
  const first = await tabTo(page, 'Skip to the backends');
  expect(first.length === 1, `before the link to the backends comes ${first}`);
  await page.keyboard.press('Enter');
  await tabTo(page, `Ready ${backend}`);
  await page.keyboard.press('Enter');
  await page.getByRole('dialog').waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'hidden' });
  expect(await focused(page) === `Ready ${backend}`, `behind Escape the focus is on ${await focused(page)}`);
  await page.keyboard.press('Enter');
  await tabTo(page, 'dialog-do');
  await page.keyboard.press('Enter');
  await page.getByRole('dialog').waitFor({ state: 'hidden' });
  await page.locator(row(backend)).getByRole('button', { name: `Drain ${backend}` }).waitFor();
  await until(page, () => document.querySelector('#said').textContent.length > 0);
  await tabTo(page, 'moment');
  for (let n = 0; n < 30; n++) await page.keyboard.press('ArrowLeft');
  const told = await page.locator('#moment').getAttribute('aria-valuetext');
  expect(told.includes(`${backend} `) && told.includes('session'), `at a moment it tells ${told}`);
  expect((await text(page, '#readout')).includes(backend), 'the moment is not shown');
  await page.keyboard.press('End');
  await tabTo(page, 'filter-text');
  await page.keyboard.type('no such session');
  await until(page, () => document.querySelector('#found').textContent.startsWith('0 of'));
  await page.locator('#filter-text').fill('');
};

// last: the last backend that takes sessions is not taken out by mistake.
exports.last = async ({ page, expect }, { backend }) => {
  await sentence(page, 'there is one backend left');
  await page.locator(row(backend)).getByRole('button', { name: `Maint ${backend}` }).click();
  await page.locator('#dialog-do').click();
  await page.locator('#dialog-force').waitFor();
  expect((await text(page, '#dialog-trouble')).includes('the last backend that is usable'), `it says ${await text(page, '#dialog-trouble')}`);
  await page.locator('#dialog-cancel').click();
  expect(await page.locator(row(backend)).locator('.state.maint').count() === 0, 'it has been taken out');
};

// pause: statements are held, and let go on.
exports.pause = async ({ page, shoot }) => {
  await page.locator('#pause').click();
  await page.locator('#dialog-for').selectOption('30s');
  await page.locator('#dialog-do').click();
  await sentence(page, 'Statements are held on purpose');
  await page.locator('#resume').click();
  await page.locator('#dialog-do').click();
  await sentence(page, 'Clients are well');
  await page.locator('#pause').waitFor();
};

// narrow: nothing is wider than a telephone, and nothing is cut off.
exports.narrow = async ({ page, expect, shoot }) => {
  for (const width of [390, 320]) {
    await page.setViewportSize({ width, height: 800 });
    await page.locator('#happened').evaluate((details) => { details.open = true; });
    await until(page, (w) => Number(document.querySelector('#chart svg').getAttribute('viewBox').split(' ')[2]) <= w, width);
    const wide = await page.evaluate((w) => [...document.querySelectorAll('body *')].filter((e) => !e.closest('svg, .skip, .only-said, thead') && e.getBoundingClientRect().right > w + 0.5)
      .map((e) => `${e.tagName}#${e.id}.${e.className}`).slice(0, 5), width);
    expect(wide.length === 0, `at ${width} px these are wider: ${wide}`);
    const scroll = await page.evaluate(() => document.documentElement.scrollWidth);
    expect(scroll <= width, `at ${width} px the page is ${scroll} px wide`);
    await page.locator('#happened').evaluate((details) => { details.open = false; });
    if (width === 390) await shoot('narrow');
  }
  await page.setViewportSize({ width: 1280, height: 900 });
};

// accessible: axe-core finds nothing, in light and dark, with the dialog open, and where it is narrow.
exports.accessible = async ({ page, expect, wrong, shoot }) => {
  await page.locator('#filter-text').fill('2000000001'); // axe takes its time for each row
  await until(page, () => document.querySelectorAll('#sessions tr').length === 1);
  await page.locator('#happened').evaluate((details) => { details.open = true; });
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    await judge(page, colorScheme, wrong);
    await page.locator('#pause').click();
    await judge(page, `${colorScheme}, dialog`, wrong, '#dialog');
    await page.keyboard.press('Escape');
    if (colorScheme === 'dark') await shoot('dark');
    await page.locator('#happened').evaluate((details) => { details.open = false; });
  }
  await page.setViewportSize({ width: 390, height: 800 });
  await judge(page, 'dark, 390 px', wrong);
  await page.setViewportSize({ width: 1280, height: 900 });
  await page.emulateMedia({ colorScheme: 'light', reducedMotion: 'reduce' });
  await page.locator('#filter-text').fill('');
  const outline = await page.evaluate(() => ({
    landmarks: ['header', 'main', 'footer'].filter((name) => !document.querySelector(`body > ${name}`)), h1: document.querySelectorAll('h1').length,
    regions: [...document.querySelectorAll('section')].filter((s) => !document.getElementById(s.getAttribute('aria-labelledby'))).length,
    polite: document.querySelectorAll('[aria-live="polite"]').length, columns: [...document.querySelectorAll('thead th')].filter((th) => th.scope !== 'col').length,
  }));
  expect(outline.landmarks.length === 0 && outline.h1 === 1 && outline.regions === 0 && outline.polite === 1 && outline.columns === 0, `the outline is ${JSON.stringify(outline)}`);
};

async function judge(page, where, wrong, within = 'body') {
  await page.evaluate(axe); // by the debugger, which no policy of the page forbids
  const { violations, passes } = await page.evaluate((of) => window.axe.run(of, { resultTypes: ['violations'] }), within);
  if (passes.length < 8) wrong.push(`axe has looked at ${passes.length} rules alone`);
  for (const v of violations) wrong.push(`${where}: ${v.id}: ${v.help}: ${v.nodes.slice(0, 3).map((n) => n.target).join(' | ')}`);
}

// hostile: markup in what strangers say is text.
exports.hostile = async ({ page, expect, shoot }, { user, cause }) => {
  await page.locator('#filter-text').fill('onerror');
  await page.locator('#sessions td').filter({ hasText: user }).first().waitFor();
  await page.locator('#filter-text').fill('');
  await page.locator('#backends td.why').filter({ hasText: cause }).first().waitFor();
  await page.locator('#happened').evaluate((details) => { details.open = true; });
  await page.locator('#latest').filter({ hasText: cause }).waitFor();
  expect(await page.locator('img').count() === 0, 'there is an image');
  expect(await page.evaluate(() => window.owned === undefined), 'a stranger has run a script');
  await page.locator('#happened').evaluate((details) => { details.open = false; });
};

// crowd: thousands of sessions are not sent to the page, and do not make it slow.
exports.crowd = async ({ page, expect, shoot }, { sessions }) => {
  await page.locator('#filter-text').fill('');
  await until(page, (n) => Number((/of ([\d,]+) sessions|^([\d,]+) sessions/.exec(document.querySelector('#found').textContent) ?? []).slice(1).find(Boolean)?.replace(/,/g, '')) >= n, sessions);
  await until(page, () => document.querySelectorAll('#sessions tr').length === 100);
  await page.locator('#filter-limit').selectOption('1000');
  await until(page, () => document.querySelectorAll('#sessions tr').length === 1000);
  await page.locator('#filter-order').selectOption('moves');
  await page.locator('#filter-limit').selectOption('25');
  await until(page, () => document.querySelectorAll('#sessions tr').length === 25);
  const longest = await page.evaluate(() => new Promise((done) => {
    let worst = 0;
    let last = performance.now();
    const began = last;
    const frame = (now) => {
      worst = Math.max(worst, now - last);
      last = now;
      if (now - began > 1500) done(worst);
      else requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  }));
  expect(longest < 1500, `the page stood still for ${Math.round(longest)} ms`);
  await page.locator('#filter-order').selectOption('id');
  await page.locator('#filter-limit').selectOption('100');
  await shoot('crowd');
};

// away: the page is left, and its stream with it.
exports.away = async ({ page }) => { await page.goto('about:blank'); };

// crowded: others read all the streams that there may be, and the page asks for what it can.
exports.crowded = async ({ page, url }, { backends }) => {
  await page.goto(url);
  await until(page, () => /as many readers/.test(document.querySelector('#live').textContent));
  await until(page, (n) => document.querySelectorAll('#backends tr').length === n && document.querySelector('#chart svg .band.up'), backends.length);
  await sentence(page, 'Clients are well');
};

// live: the page is live.
exports.live = ({ page }) => isLive(page);

// outage: no backend takes a session.
exports.outage = async ({ page, expect, shoot }, { backends }) => {
  await sentence(page, `none of ${backends.length} backends takes a session`);
  expect(await page.locator('#summary').getAttribute('data-level') === 'trouble', 'the sentence is not of the level trouble');
  await until(page, (n) => document.querySelectorAll('#backends .state.down').length === n, backends.length);
  await shoot('outage');
};

// lost: Segue is not there, and the page says so.
exports.lost = async ({ page, expect, shoot }) => {
  await until(page, () => /^not live for \d+ s, trying again/.test(document.querySelector('#live').textContent));
  expect(await page.evaluate(() => document.body.dataset.live) === 'no', 'what is shown looks as if it were so now');
  await shoot('lost');
};

// back: another Segue is there, and the page is live without being loaded again.
exports.back = async ({ page, expect }, { backends }) => {
  await isLive(page);
  await sentence(page, `all ${backends.length} backends take sessions`);
  await page.locator('#began').waitFor();
  await until(page, () => !document.querySelector('#chart g title')); // what the other one knew is gone with it
};

// reader: where reading takes the token, the page asks for it, and shows nothing before.
exports.reader = async ({ page, url, token, expect }, { backends }) => {
  await page.goto(url);
  await page.locator('#token').waitFor();
  expect(await page.locator('#backends tr').count() === 0, 'it shows backends to anybody');
  await page.locator('#token').fill(token);
  await page.keyboard.press('Enter');
  await isLive(page);
  await until(page, (n) => document.querySelectorAll('#backends tr').length === n, backends.length);
  await page.locator('#token').waitFor({ state: 'hidden' });
};
