// Shopify's own library as the oracle of signatures: reads [{secret, body, signature}] and writes [{valid, signature}],
// where `valid` is what its webhook validation says of ours and `signature` is what it makes itself.
import { readFileSync } from 'node:fs'
import '@shopify/shopify-api/adapters/node'
import { LogSeverity, shopifyApi } from '@shopify/shopify-api'
import { createSHA256HMAC, HashFormat } from '@shopify/shopify-api/runtime'

const answers = []
for (const { secret, body, signature } of JSON.parse(readFileSync(0, 'utf8'))) {
  const shopify = shopifyApi({
    apiKey: 'made-up', apiSecretKey: secret, scopes: [], hostName: 'tea.example', apiVersion: '2025-01', isEmbeddedApp: false,
    logger: { level: LogSeverity.Error },
  })
  const headers = {
    'x-shopify-topic': 'customers/create', 'x-shopify-shop-domain': 'tea.myshopify.com', 'x-shopify-api-version': '2025-01',
    'x-shopify-webhook-id': 'w-1', 'x-shopify-hmac-sha256': signature,
  }
  const rawRequest = { method: 'POST', url: '/', headers }
  const { valid } = await shopify.webhooks.validate({ rawBody: body, rawRequest, rawResponse: {} })
  answers.push({ valid, signature: await createSHA256HMAC(secret, body, HashFormat.Base64) })
}
process.stdout.write(JSON.stringify(answers))
