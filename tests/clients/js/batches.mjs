// Batches: 120 calls in chunks, calls with names, calls of which one is refused.
import { call, hook, refusal, run } from './common.mjs'

async function of120() {
  const b24 = hook()
  const adds = Array.from({ length: 120 }, (_, n) => ['crm.deal.add', { fields: { TITLE: `t${n}`, ORIGIN_ID: `js-b-${n}` } }])
  const added = await b24.actions.v2.batchByChunk.make({ calls: adds, options: { isHaltOnError: true } })
  const ids = added.getData()
  const deals = await b24.actions.v2.batchByChunk.make({ calls: ids.map((id) => ['crm.deal.get', { id }]) })
  const deleted = await b24.actions.v2.batchByChunk.make({ calls: ids.map((id) => ['crm.deal.delete', { id }]) })
  return { ids, titles: deals.getData().map((deal) => deal.TITLE), deleted: deleted.getData() }
}

async function named() {
  const calls = {
    Find: { method: 'crm.deal.list', params: { filter: { ORIGIN_ID: 'deal-7' }, select: ['ID'] } },
    Get: { method: 'crm.deal.get', params: { id: '$result[Find][0][ID]' } }
  }
  const found = await hook().actions.v2.batch.make({ calls, options: { isHaltOnError: true, returnAjaxResult: true } })
  const answers = found.getData()
  return { find: answers.Find.getData().result, total: answers.Find.getTotal(), get: answers.Get.getData().result }
}

async function positions() {
  const calls = [['profile', {}], ['crm.category.list', { entityTypeId: 2 }]]
  const found = await hook().actions.v2.batch.make({ calls, options: { isHaltOnError: true } })
  return { profile: found.getData()[0], categories: found.getData()[1] }
}

function parted(found) {
  const told = Object.entries(found.getData()).map(([name, answer]) => {
    return [name, answer.isSuccess ? { id: answer.getData().result?.item.id } : refusal([...answer.errors][0][1])]
  })
  return { success: found.isSuccess, told: Object.fromEntries(told) }
}

const get = (id) => ['crm.item.get', { entityTypeId: 2, id }]
const mixed = { good: get(3), bad: get(999999), also: get(4) }

async function refused() {
  return parted(await hook().actions.v2.batch.make({ calls: mixed, options: { isHaltOnError: false, returnAjaxResult: true } }))
}

async function halted() {
  return parted(await hook().actions.v2.batch.make({ calls: mixed, options: { isHaltOnError: true, returnAjaxResult: true } }))
}

// Old methods refuse without a code.
async function withoutCode() {
  const calls = { bad: ['crm.deal.get', { id: 999999 }] }
  const found = await hook().actions.v2.batch.make({ calls, options: { isHaltOnError: true, returnAjaxResult: true } })
  return { success: found.isSuccess, result: found.getData().bad.getData().result ?? null }
}

// The same values alone and in a batch.
async function values() {
  const b24 = hook()
  const params = { none: null, yes: true, no: false, empty: [], object: {}, list: [1, 'two'], text: 'a&b=c+d %', nested: { deep: { x: 1.5 } } }
  const batch = await b24.actions.v2.batch.make({ calls: { one: ['sandbox.echo', params] }, options: { isHaltOnError: true } })
  return { alone: (await call(b24, 'sandbox.echo', params)).result, packed: batch.getData().one }
}

async function few() {
  return {
    named: await named(),
    positions: await positions(),
    refused: await refused(),
    halted: await halted(),
    withoutCode: await withoutCode(),
    values: await values()
  }
}

await run({ of120, few })
