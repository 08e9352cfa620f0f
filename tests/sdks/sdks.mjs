// What the senders' own libraries sign and verify, for `session-auth/tests/webhook_sdks.rs`.
//
// One JSON object a line: {"sdk", "do": "sign" | "verify", "secret", "url", "headers", "body", "at"},
// `at` in seconds. The answer to "sign" is {"headers", "body"}: what is added, and the body that is to be
// sent. The answer to "verify" is {"accepted", "why"}. Answers come in the order of the questions.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import https from "node:https";

const require = createRequire(import.meta.url);
// Some of them warn on the console, and standard output is for answers.
console.log = console.warn = console.error;

const standard = (name, prefix) => {
  const { Webhook } = require(name);
  const names = ["id", "timestamp", "signature"].map((part) => `${prefix}-${part}`);
  return {
    sign: ({ secret, body, at }) => {
      const signature = new Webhook(secret).sign("msg_1", new Date(at * 1000), body);
      const values = ["msg_1", String(at), signature];
      return { headers: Object.fromEntries(names.map((name, at) => [name, values[at]])) };
    },
    verify: ({ secret, body, headers }) => {
      new Webhook(secret).verify(body, headers);
      return true;
    },
  };
};

const twilio = (algorithm) => {
  const sdk = require("twilio/lib/webhooks/webhooks");
  const settings = `key=webhooks_sharedkey_1,algorithm=${algorithm}`;
  const header = "x-twilio-signature";
  return {
    sign: ({ secret, body, url }) => ({
      headers: {
        [header]: sdk.getExpectedTwilioSignature(secret, url, fields(body), algorithm),
        ...(algorithm === "HMAC_SHA256" && { "x-twilio-webhooks-signature-settings": settings }),
      },
    }),
    verify: ({ secret, body, url, headers }) =>
      sdk.validateRequest(secret, headers[header], url, fields(body), algorithm),
  };
};

function fields(body) {
  const fields = {};
  for (const [name, value] of new URLSearchParams(body)) {
    fields[name] = name in fields ? [fields[name], value].flat() : value;
  }
  return fields;
}

const shopify = (prefix) => {
  require("@shopify/shopify-api/adapters/node");
  const { shopifyApi, LogSeverity } = require("@shopify/shopify-api");
  const common = { topic: "orders/create", "api-version": "2026-01", "shop-domain": "a.myshopify.com" };
  return {
    verify: async ({ secret, body, headers }) => {
      const api = shopifyApi({
        apiSecretKey: secret,
        apiKey: "key",
        apiVersion: "2026-01",
        hostName: "hooks.example.com",
        isEmbeddedApp: false,
        logger: { level: LogSeverity.Error },
      });
      const all = { ...headers };
      for (const [name, value] of Object.entries(common)) {
        all[`${prefix}-${name}`] ??= value;
      }
      all[`${prefix}-webhook-id`] ??= "1";
      all[`${prefix}-event-id`] ??= "1";
      const rawRequest = { method: "POST", url: "/hooks", headers: all };
      const found = await api.webhooks.validate({ rawBody: body, rawRequest, rawResponse: {} });
      return found.valid || found.reason;
    },
  };
};

const adyen = () => {
  const { hmacValidator: Validator } = require("@adyen/api-library");
  const validator = new Validator();
  return {
    payments: {
      sign: ({ secret, body }) => {
        const notification = JSON.parse(body);
        for (const { NotificationRequestItem: item } of notification.notificationItems) {
          item.additionalData = { hmacSignature: validator.calculateHmac(item, secret) };
        }
        return { headers: {}, body: JSON.stringify(notification) };
      },
      verify: ({ secret, body }) =>
        JSON.parse(body).notificationItems.every(({ NotificationRequestItem: item }) =>
          validator.validateHMAC(item, secret),
        ),
    },
    platform: {
      sign: ({ secret, body }) => ({
        headers: { hmacsignature: validator.calculateHmac(body, secret) },
      }),
      verify: ({ secret, body, headers }) =>
        validator.validateHMACSignature(secret, headers.hmacsignature, body),
    },
  };
};

const SDKS = {
  stripe: () => {
    const { webhooks } = new (require("stripe"))("sk_test");
    const header = "stripe-signature";
    return {
      sign: ({ secret, body, at }) => {
        const options = { payload: body, secret, timestamp: at };
        return { headers: { [header]: webhooks.generateTestHeaderString(options) } };
      },
      verify: ({ secret, body, headers }) => {
        webhooks.constructEvent(body, headers[header], secret);
        return true;
      },
    };
  },
  standardwebhooks: () => standard("standardwebhooks", "webhook"),
  svix: () => standard("svix", "svix"),
  twilio: () => twilio("HMAC_SHA1"),
  "twilio, SHA-256": () => twilio("HMAC_SHA256"),
  "twilio, JSON": () => {
    const sdk = require("twilio/lib/webhooks/webhooks");
    return {
      // The URL has the hash of the body, and the caller put it there.
      sign: ({ secret, url }) => ({
        headers: { "x-twilio-signature": sdk.getExpectedTwilioSignature(secret, url, {}) },
      }),
      verify: ({ secret, body, url, headers }) =>
        sdk.validateRequestWithBody(secret, headers["x-twilio-signature"], url, body),
    };
  },
  "@slack/bolt": () => {
    const { verifySlackRequest } = require("@slack/bolt");
    return {
      verify: ({ secret, body, headers }) => {
        verifySlackRequest({ signingSecret: secret, body, headers });
        return true;
      },
    };
  },
  "@sendgrid/eventwebhook": () => {
    const { EventWebhook, EventWebhookHeader } = require("@sendgrid/eventwebhook");
    const webhook = new EventWebhook();
    const [signature, time] = [EventWebhookHeader.SIGNATURE(), EventWebhookHeader.TIMESTAMP()];
    return {
      verify: ({ secret, body, headers }) =>
        webhook.verifySignature(
          webhook.convertPublicKeyToECDSA(secret),
          body,
          headers[signature.toLowerCase()],
          headers[time.toLowerCase()],
        ),
    };
  },
  "discord-interactions": () => {
    const { verifyKey } = require("discord-interactions");
    return {
      verify: ({ secret, body, headers }) =>
        verifyKey(body, headers["x-signature-ed25519"], headers["x-signature-timestamp"], secret),
    };
  },
  "@octokit/webhooks-methods": async () => {
    const { sign, verify } = await import("@octokit/webhooks-methods");
    const header = "x-hub-signature-256";
    return {
      sign: async ({ secret, body }) => ({ headers: { [header]: await sign(secret, body) } }),
      verify: ({ secret, body, headers }) => verify(secret, body, headers[header]),
    };
  },
  "@shopify/shopify-api": () => shopify("x-shopify"),
  "@shopify/shopify-api, events": () => shopify("shopify"),
  "@line/bot-sdk": () => {
    const { validateSignature } = require("@line/bot-sdk");
    return {
      verify: ({ secret, body, headers }) =>
        validateSignature(body, secret, headers["x-line-signature"]),
    };
  },
  square: () => {
    const { WebhooksHelper } = require("square");
    return {
      verify: ({ secret, body, url, headers }) =>
        WebhooksHelper.verifySignature({
          requestBody: body,
          signatureHeader: headers["x-square-hmacsha256-signature"],
          signatureKey: secret,
          notificationUrl: url,
        }),
    };
  },
  "@paddle/paddle-node-sdk": () => {
    const { webhooks } = new (require("@paddle/paddle-node-sdk").Paddle)("key");
    return {
      verify: ({ secret, body, headers }) =>
        webhooks.isSignatureValid(body, secret, headers["paddle-signature"]),
    };
  },
  "sns-validator": () => {
    const Validator = require("sns-validator");
    return {
      verify: ({ secret, body }) => {
        // The certificate that it fetches is the one that the caller has.
        https.get = (_url, answered) => {
          answered(Object.assign(Readable.from([secret]), { statusCode: 200 }));
          return { on: () => {} };
        };
        // It keeps certificates by their URL.
        const message = JSON.parse(body);
        message.SigningCertURL += `?${encodeURIComponent(secret).length}-${Math.random()}.pem`;
        return new Promise((done, failed) =>
          new Validator().validate(message, (error) => (error ? failed(error) : done(true))),
        );
      },
    };
  },
  "@sanity/webhook": () => {
    const sdk = require("@sanity/webhook");
    const header = sdk.SIGNATURE_HEADER_NAME;
    return {
      sign: async ({ secret, body, at }) => ({
        headers: { [header]: await sdk.encodeSignatureHeader(body, at * 1000, secret) },
      }),
      verify: ({ secret, body, headers }) => sdk.isValidSignature(body, headers[header], secret),
    };
  },
  // It signs what JSON.stringify makes of the body.
  "@workos-inc/node": () => {
    const { webhooks } = new (require("@workos-inc/node").WorkOS)("sk_test");
    const header = "workos-signature";
    return {
      sign: async ({ secret, body, at }) => {
        const time = at * 1000;
        const signature = await webhooks.computeSignature(time, JSON.parse(body), secret);
        return { headers: { [header]: `t=${time}, v1=${signature}` } };
      },
      verify: ({ secret, body, headers }) =>
        webhooks.verifyHeader({ payload: JSON.parse(body), sigHeader: headers[header], secret }),
    };
  },
  "@adyen/api-library, payments": () => adyen().payments,
  "@adyen/api-library, platform": () => adyen().platform,
  razorpay: () => {
    const { validateWebhookSignature } = require("razorpay");
    return {
      verify: ({ secret, body, headers }) =>
        validateWebhookSignature(body, headers["x-razorpay-signature"], secret),
    };
  },
  "@linear/sdk": async () => {
    const { LinearWebhookClient } = await import("@linear/sdk/webhooks");
    return {
      verify: ({ secret, body, headers }) =>
        new LinearWebhookClient(secret).verify(Buffer.from(body), headers["linear-signature"]),
    };
  },
  "@hubspot/api-client": () => {
    const { Signature } = require("@hubspot/api-client");
    const options = ({ secret, body, url }, timestamp) => ({
      clientSecret: secret,
      requestBody: body,
      url,
      timestamp,
    });
    return {
      sign: (asked) => {
        const time = asked.at * 1000;
        const signature = Signature.getSignature("POST", "v3", options(asked, time));
        return {
          headers: {
            "x-hubspot-signature-v3": signature,
            "x-hubspot-request-timestamp": String(time),
          },
        };
      },
      verify: (asked) =>
        Signature.isValid({
          ...options(asked, Number(asked.headers["x-hubspot-request-timestamp"])),
          method: "POST",
          signatureVersion: "v3",
          signature: asked.headers["x-hubspot-signature-v3"],
        }),
    };
  },
};

const loaded = {};
for await (const line of createInterface({ input: process.stdin })) {
  const asked = JSON.parse(line);
  let answer;
  const make = SDKS[asked.sdk];
  const sdk = make && (loaded[asked.sdk] ??= await make());
  if (!sdk?.[asked.do]) {
    answer = { error: `${asked.sdk} does not ${asked.do}` };
  } else if (asked.do === "sign") {
    answer = { body: asked.body, ...(await sdk.sign(asked)) };
  } else {
    try {
      const verified = await sdk.verify(asked);
      answer = { accepted: verified === true, why: String(verified) };
    } catch (error) {
      answer = { accepted: false, why: String(error) };
    }
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
