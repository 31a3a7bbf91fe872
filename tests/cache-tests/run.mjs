// Runs http-cache-tests (https://cache-tests.fyi) through a gateway: an origin here, `tollgate dev` in front of it with one
// function environment, and the suite as the client. Compares every test with what expected.json says of it, and prints
// the counts by group beside those that the package has of nginx.
//
//   node run.mjs TOLLGATE PACKAGE [--update]
//
// TOLLGATE is the program, PACKAGE the unpacked package. scripts/check-cache has them.

import { spawn } from 'node:child_process'
import fs from 'node:fs'
import http from 'node:http'
import { createRequire } from 'node:module'
import os from 'node:os'
import path from 'node:path'
import readline from 'node:readline'
import { pathToFileURL } from 'node:url'

const [program, folder, option] = process.argv.slice(2)
const load = async file => import(pathToFileURL(path.join(folder, file)).href)
const fetch = createRequire(path.join(folder, 'x.js'))('node-fetch')
const expectedFile = new URL('expected.json', import.meta.url)

// Of these together the gateway is to be as good as nginx; of the second line no required test may fail.
const COMPARED = ['cc-response', 'vary', 'headers', 'auth', 'status', 'cc-freshness']
const ALL_REQUIRED = ['cc-response', 'vary', 'auth']

// What the suite itself sends, or makes answers depend on by their `Vary` alone.
const FORWARD = ['Abc', 'Accept-Language', 'Authorization', 'Bar', 'Baz', 'Foo', 'Other', 'Req-Num', 'Test-ID', 'Test-Name']

/** The suite's own server, on a port that the system chooses. */
async function origin () {
  const config = (await load('server/handle-config.mjs')).default
  const state = (await load('server/handle-state.mjs')).default
  const test = (await load('server/handle-test.mjs')).default
  const server = http.createServer((request, response) => {
    const [kind, ...rest] = new URL(request.url, 'http://origin').pathname.slice(1).split('/')
    const handler = { config, state, test }[kind]
    if (handler) return handler(rest, request, response)
    response.writeHead(404).end()
  })
  await new Promise(resolve => server.listen(0, '127.0.0.1', resolve))
  return server
}

/** A gateway that keeps for everybody what says how long. */
async function gateway (port, work) {
  const config = {
    routes: [{
      path: '/**', upstream: `http://127.0.0.1:${port}`, auth: 'none', timeout: '10s', cache: { public: true, forward: FORWARD }
    }]
  }
  const file = path.join(work, 'gateway.json')
  fs.writeFileSync(file, JSON.stringify(config))
  const free = ['--invoke-listen', '--dynamodb-listen', '--idp-listen'].flatMap(name => [name, '127.0.0.1:0'])
  const child = spawn(program, ['dev', '--config', file, '--environments', '1', '--event', 'alb', '--multi-value', '--listen', '127.0.0.1:0', ...free],
    { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = new Promise((resolve, reject) => child.once('exit', code => reject(new Error(`tollgate ended (${code})`))))
  const listens = new Promise(resolve => {
    readline.createInterface({ input: child.stdout }).on('line', line => {
      if (line.startsWith('listening on ')) resolve(line.slice('listening on '.length))
    })
  })
  return { child, base: await Promise.race([listens, ended]) }
}

/** What each test came to: pass, fail, or setup where it could not be tried. */
function verdicts (suites, results) {
  const verdict = result => result === true ? 'pass' : result?.[0] === 'Setup' ? 'setup' : 'fail'
  const tests = suites.flatMap(suite => suite.tests.filter(test => !test.browser_only).map(test => ({ suite: suite.id, test })))
  return tests.map(({ suite, test }) => ({
    suite, id: test.id, kind: test.kind ?? 'required', verdict: verdict(results[test.id]), why: results[test.id]?.[1]
  }))
}

const passed = (all, suites, kind) => all.filter(one => suites.includes(one.suite) && one.kind === kind && one.verdict === 'pass').length
const count = (all, suites, kind) => all.filter(one => suites.includes(one.suite) && one.kind === kind).length

function print (ours, nginx, names) {
  console.log(`${'group'.padEnd(20)}${'required'.padStart(12)}${'nginx'.padStart(8)}${'optimal'.padStart(12)}${'nginx'.padStart(8)}`)
  const row = (name, suites) => {
    const cell = kind => `${passed(ours, suites, kind)}/${count(ours, suites, kind)}`.padStart(12) + `${passed(nginx, suites, kind)}`.padStart(8)
    console.log(name.padEnd(20) + cell('required') + cell('optimal'))
  }
  for (const name of names) row(name, [name])
  row('the six compared', COMPARED)
  row('all', names)
}

/** What is not as it should be, one line each. */
function complaints (ours, nginx) {
  const found = []
  const expected = JSON.parse(fs.readFileSync(expectedFile, 'utf8'))
  for (const one of ours) {
    if (one.verdict !== expected[one.id]) found.push(`${one.suite}/${one.id}: ${one.verdict}, expected ${expected[one.id]} (${one.why ?? ''})`)
  }
  for (const id of Object.keys(expected)) {
    if (!ours.some(one => one.id === id)) found.push(`${id}: expected, but there is no such test`)
  }
  for (const kind of ['required', 'optimal']) {
    if (passed(ours, COMPARED, kind) < passed(nginx, COMPARED, kind)) found.push(`fewer ${kind} tests pass than with nginx`)
  }
  for (const one of ours) {
    const must = ALL_REQUIRED.includes(one.suite) && one.kind === 'required'
    if (must && one.verdict !== 'pass') found.push(`${one.suite}/${one.id} is required: ${one.verdict} (${one.why ?? ''})`)
  }
  return found
}

const work = fs.mkdtempSync(path.join(os.tmpdir(), 'cache-tests-'))
const server = await origin()
const { child, base } = await gateway(server.address().port, work)
const quiet = console.log
try {
  const suites = (await load('tests/index.mjs')).default
  const { runTests, getResults } = await load('client/runner.mjs')
  console.log = () => {} // the suite's server warns of each 404 that a test asks for
  await runTests(suites, fetch, false, base)
  console.log = quiet
  const ours = verdicts(suites, getResults())
  const nginx = verdicts(suites, JSON.parse(fs.readFileSync(path.join(folder, 'results/nginx.json'), 'utf8')))
  print(ours, nginx, suites.map(suite => suite.id))
  if (option === '--update') {
    const pairs = ours.map(one => [one.id, one.verdict]).sort(([a], [b]) => a < b ? -1 : 1)
    fs.writeFileSync(expectedFile, JSON.stringify(Object.fromEntries(pairs), null, 2) + '\n')
  }
  const found = complaints(ours, nginx)
  for (const line of found) console.error(line)
  process.exitCode = found.length > 0 ? 1 : 0
  if (process.env.DETAILS) for (const one of ours) if (one.verdict !== 'pass') console.log(`${one.kind} ${one.suite}/${one.id}: ${one.verdict} ${one.why}`)
} finally {
  console.log = quiet
  child.removeAllListeners('exit')
  child.kill('SIGTERM')
  server.closeAllConnections()
  server.close()
  fs.rmSync(work, { recursive: true, force: true })
}
