// All rows by each of the SDK's strategies; each makes its own pages.
import { given, hook, run } from './common.mjs'

const told = (pages, rows, id) => ({ pages, rows: rows.length, ids: new Set(rows.map((row) => row[id])).size })
const lead = { method: 'crm.lead.list', params: { select: ['ID', 'TITLE'] } }
const items = { method: 'crm.item.list', params: { entityTypeId: 3, select: ['id'] }, idKey: 'id', customKeyForResult: 'items' }

async function callList() {
  const found = await hook().actions.v2.callList.make({ ...lead, idKey: 'ID' })
  return told(null, found.getData(), 'ID')
}

async function callListOfItems() {
  const found = await hook().actions.v2.callList.make(items)
  return told(null, found.getData(), 'id')
}

async function collect(pages, id) {
  let count = 0
  const rows = []
  for await (const page of pages) {
    count += 1
    rows.push(...page)
  }
  return told(count, rows, id)
}

async function fetchList() {
  return collect(hook().actions.v2.fetchList.make({ ...lead, idKey: 'ID' }), 'ID')
}

async function fetchListOfItems() {
  return collect(hook().actions.v2.fetchList.make(items), 'id')
}

// An old one, which goes by `start`.
async function callListMethod() {
  const steps = []
  const found = await hook().callListMethod(lead.method, lead.params, (percent) => steps.push(percent))
  return { ...told(null, found.getData(), 'ID'), first: steps[0], last: steps.at(-1) }
}

// Offsets that are known beforehand, in batches.
async function batchByChunk() {
  const calls = Array.from({ length: Math.ceil(given.rows / 50) }, (_, page) => [lead.method, { ...lead.params, order: { ID: 'ASC' }, start: page * 50 }])
  const found = await hook().actions.v2.batchByChunk.make({ calls, options: { isHaltOnError: true } })
  return told(found.getData().length, found.getData().flat(), 'ID')
}

await run({ callList, callListOfItems, fetchList, fetchListOfItems, callListMethod, batchByChunk })
