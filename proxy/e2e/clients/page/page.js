// Looks at the status page in headless Chromium, step by step as package e2e tells it to: each line of standard input is {"step": …, …}, and each is answered by
// a line of JSON with what was wrong. Called as ADMIN_URL TOKEN [DIRECTORY FOR PICTURES].
'use strict';

const path = require('path');
const readline = require('readline');
const { chromium } = require('playwright-core');
const steps = require('./steps.js');

const [url, token, pictures] = process.argv.slice(2);

const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];

// watch notes what a page says that no page should say, and whatever it asks of others.
function watch(page, said) {
  page.on('pageerror', (error) => said.push(`an error of the page: ${error.message}`));
  page.on('console', (message) => {
    // What the API refuses, and a Segue that is not there, the browser notes by itself.
    if (message.type() === 'error' && !/Failed to load resource/.test(message.text())) said.push(`on the console: ${message.text()}`);
  });
  page.on('request', (request) => {
    if (!request.url().startsWith(url) && request.url() !== 'about:blank') said.push(`asks another host: ${request.url()}`);
    if (request.url().includes(token)) said.push(`the token is in an address: ${request.url()}`);
  });
}

async function main() {
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM || '/usr/bin/chromium', args: flags });
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, reducedMotion: 'reduce', timezoneId: 'UTC' });
  const page = await context.newPage();
  page.setDefaultTimeout(15000);
  const said = [];
  watch(page, said);
  const shoot = async (name) => {
    if (pictures) await page.screenshot({ path: path.join(pictures, `${name}.png`), fullPage: true });
  };
  console.log('ready');
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const { step, ...given } = JSON.parse(line);
    const wrong = [];
    try {
      await steps[step]({ page, url, token, shoot, wrong, expect: (is, what) => { if (!is) wrong.push(what); } }, given);
    } catch (error) {
      wrong.push(error.message);
      await shoot(`failed-${step}`);
    }
    console.log(JSON.stringify({ wrong: [...wrong, ...said.splice(0)] }));
  }
  await browser.close();
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
