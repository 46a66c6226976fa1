// What all scenarios share: the client, how a refusal is told, and the one line of JSON at the end.
import { B24Hook } from '@bitrix24/b24jssdk'

export const given = JSON.parse(process.argv[3])

// `attempts`: how often it tries, of itself 3 times.
export function hook(webhook = given.webhook) {
  return B24Hook.fromWebhookUrl(webhook, given.attempts ? { restrictionParams: { maxRetries: given.attempts } } : undefined)
}

// Result and total of a call, or its refusal.
export async function call(b24, method, params = {}) {
  try {
    const answer = await b24.actions.v2.call.make({ method, params })
    return answer.isSuccess ? { result: answer.getData().result, total: answer.getTotal() } : refusal([...answer.errors][0][1])
  } catch (error) {
    return refusal(error)
  }
}

export function refusal(error) {
  return { code: error.code, message: error.message, status: error.status }
}

export async function run(scenarios) {
  const scenario = scenarios[process.argv[2]]
  if (!scenario) throw new Error(`no scenario ${process.argv[2]}`)
  console.log(JSON.stringify(await scenario()))
}
