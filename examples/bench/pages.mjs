// node pages.mjs MODULES PAGE.html...: looks at each page in headless Chromium, at three widths, in light and in dark.
import { readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, resolve } from 'node:path';

const MOST_BYTES = 150 * 1024;
const WIDTHS = [390, 1024, 1600];

const [modules, ...pages] = process.argv.slice(2);
const require = createRequire(resolve(modules, 'package.json'));
const axe = readFileSync(require.resolve('axe-core'), 'utf8');
const browser = await require('puppeteer-core').launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
  protocolTimeout: 60_000,
});

let wrong = 0;
function complain(page, what) {
  wrong += 1;
  console.log(`${basename(page)}: ${what}`);
}

for (const page of pages) {
  const { size } = statSync(page);
  if (size > MOST_BYTES) complain(page, `${size} bytes`);
  for (const scheme of ['light', 'dark']) {
    for (const width of WIDTHS) {
      const tab = await browser.newPage();
      await tab.setViewport({ width, height: 900 });
      await tab.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }]);
      const where = `${width} px, ${scheme}`;
      tab.on('request', (request) => {
        if (!/^(file|data):/.test(request.url())) complain(page, `${where}: asks for ${request.url()}`);
      });
      await tab.goto(`file://${resolve(page)}`);
      const seen = await tab.evaluate(() => ({
        scripts: document.scripts.length,
        beyond: document.documentElement.scrollWidth - window.innerWidth,
      }));
      if (seen.scripts > 0) complain(page, `${where}: has a script`);
      if (seen.beyond > 0) complain(page, `${where}: ${seen.beyond} px wider than the window`);
      await tab.evaluate(axe);
      const { violations } = await tab.evaluate(() => axe.run());
      for (const { id, impact, nodes } of violations) {
        if (impact === 'serious' || impact === 'critical') {
          complain(page, `${where}: ${impact}: ${id} ${nodes[0].target} (${nodes.length})`);
        }
      }
      await tab.close();
    }
  }
}
await browser.close();
console.log(`${pages.length} pages looked at, ${wrong} complaints`);
process.exit(wrong > 0 ? 1 : 0);
