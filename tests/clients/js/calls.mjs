// Single calls: objects from their beginning to their end, items, user fields, refusals, tokens.
import { B24OAuth } from '@bitrix24/b24jssdk'
import { call, given, hook, run } from './common.mjs'

async function deal() {
  const b24 = hook()
  const fields = { TITLE: 'Сделка №1 & Co', OPPORTUNITY: 10.5, CURRENCY_ID: 'RUB', ORIGIN_ID: 'js-1', OPENED: false }
  const added = await call(b24, 'crm.deal.add', { fields })
  const id = added.result
  const before = await call(b24, 'crm.deal.get', { id })
  const updated = await call(b24, 'crm.deal.update', { id, fields: { TITLE: 'second' } })
  const after = await call(b24, 'crm.deal.get', { id })
  const deleted = await call(b24, 'crm.deal.delete', { id })
  return { id, before: before.result, updated: updated.result, after: after.result, deleted: deleted.result }
}

async function item() {
  const b24 = hook()
  const entityTypeId = 2
  const added = (await call(b24, 'crm.item.add', { entityTypeId, fields: { title: 'item', originId: 'js-item' } })).result.item
  const id = added.id
  const updated = (await call(b24, 'crm.item.update', { entityTypeId, id, fields: { opportunity: 5 } })).result.item
  const found = await call(b24, 'crm.item.list', { entityTypeId, filter: { originId: 'js-item' } })
  const deal = await call(b24, 'crm.deal.get', { id })
  const deleted = await call(b24, 'crm.item.delete', { entityTypeId, id })
  return { added, updated, found: found.result.items, total: found.total, deal: deal.result, deleted: deleted.result }
}

async function userField() {
  const b24 = hook()
  const field = { FIELD_NAME: 'JS_NOTE', USER_TYPE_ID: 'string', EDIT_FORM_LABEL: { en: 'Note' } }
  const id = (await call(b24, 'crm.deal.userfield.add', { fields: field })).result
  const told = (await call(b24, 'crm.deal.userfield.get', { id })).result
  const deal = (await call(b24, 'crm.deal.add', { fields: { UF_CRM_JS_NOTE: 'kept' } })).result
  const kept = (await call(b24, 'crm.item.get', { entityTypeId: 2, id: deal })).result.item
  await call(b24, 'crm.deal.delete', { id: deal })
  const deleted = (await call(b24, 'crm.deal.userfield.delete', { id })).result
  return { told, kept, deleted }
}

async function objects() {
  return { deal: await deal(), item: await item(), userField: await userField() }
}

// Calls one after another, as `given` names them; a webhook of its own may stand third.
async function each() {
  const b24 = hook()
  const told = []
  for (const [method, params, webhook] of given.calls) told.push(await call(webhook ? hook(webhook) : b24, method, params))
  return told
}

// An application's tokens, of which the first has expired when the second call leaves.
async function oauth() {
  const address = new URL(given.url).host
  const b24 = new B24OAuth(
    {
      domain: address,
      accessToken: given.access,
      refreshToken: given.refresh,
      expires: Math.floor(Date.now() / 1000) + (given.known ? -10 : 3600),
      expiresIn: 3600,
      clientEndpoint: `${given.url}/rest/`,
      serverEndpoint: `${given.url}/rest/`,
      memberId: 'm',
      scope: 'crm',
      status: 'L',
      applicationToken: 't',
      userId: 1,
      issuer: 'store'
    },
    { clientId: given.id, clientSecret: given.secret }
  )
  const renewed = []
  b24.setCallbackRefreshAuth(async (found) => { renewed.push(found.b24OAuthParams.accessToken) })
  const answers = await Promise.all([1, 2, 3].map(() => call(b24, 'profile')))
  return { renewed, answers }
}

await run({ objects, each, oauth })
