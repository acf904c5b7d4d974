/**
 * Every way in which Gatehouse refuses, as one table: code → what it means and what to do about it.
 * Domain code throws `GatehouseError` and knows no HTTP; enroll/http/problem.ts maps codes to statuses, and
 * docs/ERRORS.md is held to this table by a test. Its length is that of the table: to see every refusal in one place
 * is worth more here than a short file.
 */

interface ErrorEntry {
  /** What went wrong, in general; the error's message says it in particular. */
  readonly title: string;
  /** What the reader can do about it. */
  readonly remedy: string;
}

export const errorCatalog = {
  // Names and values
  device_id_invalid: {
    title: 'Not a device ID',
    remedy: 'Use 1 to 64 of A-Z a-z 0-9 . _ : - beginning with a letter or digit.',
  },
  device_pattern_invalid: {
    title: 'Neither a device ID nor a pattern of some',
    remedy:
      'Use 1 to 64 of A-Z a-z 0-9 . _ : - and *, which stands for any run of them, beginning with a letter, a digit or *.',
  },
  name_invalid: {
    title: 'Not a valid name',
    remedy: 'Use 1 to 63 of a-z 0-9 . _ - beginning with a letter or digit.',
  },
  serial_number_invalid: {
    title: 'Not a certificate serial number',
    remedy: 'Give it in hex, as `openssl x509 -noout -serial` prints it.',
  },
  fingerprint_invalid: {
    title: 'Not a SHA-256 fingerprint',
    remedy: 'Give 64 hex digits, with or without colons.',
  },
  request_invalid: {
    title: 'The request does not have the form that this call takes',
    remedy: 'Correct the field that the detail names; /api/openapi.json describes every call.',
  },

  // Certificate signing requests (RFC 2986) and their keys
  csr_not_pem: {
    title: 'Not a certificate signing request in PEM or base64',
    remedy: 'Send the text between and with "-----BEGIN CERTIFICATE REQUEST-----" and its END line.',
  },
  csr_base64_invalid: {
    title: 'The base64 of the request is broken',
    remedy: 'Send the PEM file unchanged; check for lost characters or a cut-off line.',
  },
  csr_malformed: {
    title: 'The request is not a DER CertificationRequest',
    remedy: 'Create it with a current tool, for example `openssl req -new -key key.pem -subj /CN=ID`.',
  },
  csr_trailing_data: {
    title: 'Bytes follow the end of the request',
    remedy: 'Send exactly one request and nothing after it.',
  },
  csr_signature_invalid: {
    title: 'The signature of the request does not fit its public key',
    remedy: 'Sign the request with the private key whose public key it carries, and send it unchanged.',
  },
  csr_signature_algorithm_unsupported: {
    title: 'The request is signed with an algorithm that is not accepted',
    remedy: 'Sign with SHA-256, SHA-384 or SHA-512 (ECDSA or RSA), or with Ed25519.',
  },
  key_unsupported: {
    title: 'This kind of key is not accepted',
    remedy: 'Use EC P-256 or P-384, Ed25519, or RSA of 2048 to 4096 bits, as the profile allows.',
  },
  key_weak: {
    title: 'The key is weak',
    remedy: 'Generate a new key with a sound generator; never reuse this one.',
  },
  key_blocked: {
    title: 'The key is on the block-list',
    remedy: 'Generate a new key; this one is known to be compromised.',
  },
  key_compromised: {
    title: 'A certificate for this key was revoked because the key was compromised',
    remedy: 'Generate a new key on the device; this one is never certified again.',
  },
  key_in_use: {
    title: 'Another device has enrolled this key',
    remedy: 'Generate a key on each device; never copy one from device to device.',
  },

  // Certificates, and what the CA makes
  pem_invalid: {
    title: 'Not the PEM that is needed here',
    remedy: 'Give the file unchanged: one block, between and with its BEGIN and END lines.',
  },
  key_file_invalid: {
    title: 'No public key is found in the file',
    remedy: 'Give a public key, a certificate, a request or a private key without passphrase, in PEM or DER.',
  },
  certificate_malformed: {
    title: 'Not a CA certificate',
    remedy: 'Give a certificate that has CA=TRUE and a subject key identifier, in DER or PEM as asked.',
  },
  issuer_key_mismatch: {
    title: 'The CA key does not belong to the CA certificate',
    remedy: 'Put the right pair of key and certificate together.',
  },
  ca_key_missing: {
    title: 'The key of a CA is not there',
    remedy:
      'Put the file back under the name that the message has, from a backup or from where the key is kept; the key of the root is needed only while CAs change. With --signer pkcs11, name the token that has the key.',
  },
  issuer_expired: {
    title: 'The CA certificate has expired',
    remedy: 'Have an operator make a new one: gatehouse ca rotate, with --root where the root has expired.',
  },
  ocsp_request_malformed: {
    title: 'Not an OCSP request in DER',
    remedy: 'Ask with a current tool, for example `openssl ocsp -issuer CA.pem -cert CERT.pem -url URL`.',
  },

  // Enrollment
  cn_invalid: {
    title: 'The CN of the request is not a device ID',
    remedy: 'Use 1 to 64 of A-Z a-z 0-9 . _ : - beginning with a letter or digit, and exactly one CN.',
  },
  cn_not_allowed: {
    title: 'This device ID may not be asked for here',
    remedy:
      'Ask for the ID that the token is bound to, or have an operator create a token for this one; a renewal keeps the ID.',
  },
  token_missing: {
    title: 'No token was sent',
    remedy:
      'Send it in the header "Authorization: Bearer TOKEN"; with EST, as the password of HTTP Basic. Or show a factory certificate.',
  },
  token_unknown: {
    title: 'The token is unknown',
    remedy:
      'Copy the token whole, or have an operator create one: gatehouse token create. gatehouse token list shows those there are.',
  },
  token_expired: {
    title: 'The token has expired',
    remedy: 'Have an operator create a new one: gatehouse token create.',
  },
  token_spent: {
    title: 'The token has been used as often as it may be',
    remedy: 'Have an operator create a new one: gatehouse token create.',
  },
  token_revoked: {
    title: 'The token was revoked',
    remedy: 'Ask the operator why; a new one comes from gatehouse token create.',
  },
  token_group_mismatch: {
    title: 'The token is for another group than the one in the address, or than that of the device',
    remedy:
      'Use /.well-known/est without a label, or a token of that group; gatehouse token create --device ID makes one that may enroll this device whatever its group.',
  },
  terms_changed: {
    title: 'What the certificate depends on changed while the request was served',
    remedy: 'Send the same request again.',
  },
  device_already_enrolled: {
    title: 'A device with this ID is enrolled already, with another key',
    remedy:
      'To let it enroll anew, create a token for exactly this device: gatehouse token create --device ID.',
  },
  device_revoked: {
    title: 'The device is revoked',
    remedy:
      'Enroll the hardware under a new ID; or have an admin give it its ID back with gatehouse device reinstate ID, and enroll it anew.',
  },
  device_suspended: {
    title: 'The device is suspended',
    remedy: 'An operator lets it back with gatehouse device resume ID.',
  },

  // Factory certificates (IEEE 802.1AR) and their manufacturers
  factory_certificate_untrusted: {
    title: 'The certificate shown is not a factory certificate that is accepted here',
    remedy:
      'Send a token; or show the factory certificate with those between it and its root, once an operator has registered the manufacturer: gatehouse manufacturer add.',
  },
  factory_certificate_expired: {
    title: 'The factory certificate, or one that it leads to, is not in time',
    remedy: 'Enroll with a token: gatehouse token create --device ID.',
  },
  factory_id_invalid: {
    title: 'The factory certificate gives no device ID',
    remedy:
      'Name the field that holds the ID: gatehouse manufacturer add NAME --id-from … --id-prefix …; an ID is 1 to 64 of A-Z a-z 0-9 . _ : -.',
  },
  factory_identity_spent: {
    title: 'The device is enrolled already, and a factory certificate enrolls a device once',
    remedy:
      'For a new owner, or where the key was lost: gatehouse device release ID lets it enroll once more.',
  },
  device_not_listed: {
    title: 'No operator has imported the device',
    remedy: 'Import it: gatehouse device import; or admit any: gatehouse manufacturer add NAME --admit any.',
  },
  device_group_mismatch: {
    title: 'The device is of another group than the one in the address, or than those of its manufacturer',
    remedy: 'Use /.well-known/est without a label; gatehouse device set ID --group moves a device.',
  },
  manufacturer_ca_invalid: {
    title: 'The CA certificates cannot stand for a manufacturer',
    remedy:
      'Give CA certificates of the manufacturer alone, each with those above it up to its root, in PEM.',
  },

  // Approval by an operator
  approval_pending: {
    title: 'The enrollment waits for an operator',
    remedy: 'gatehouse request approve ID lets it in; the device asks again by itself.',
  },
  request_denied: {
    title: 'An operator has denied this enrollment',
    remedy: 'Ask the operator why; gatehouse request approve ID takes the denial back.',
  },
  request_closed: {
    title: 'The request can no longer be decided',
    remedy: 'The device has its certificate: gatehouse device revoke ID ends it.',
  },
  requests_full: {
    title: 'Too many enrollments wait for an operator',
    remedy:
      'Wait as long as the Retry-After header says; operators decide with gatehouse request approve or deny.',
  },

  // EST (RFC 7030)
  channel_binding_mismatch: {
    title: 'The challengePassword of the request is not the channel binding of this connection',
    remedy:
      'Put the base64 of tls-unique (TLS 1.2) or tls-exporter (TLS 1.3) there, or leave the attribute out.',
  },
  subject_mismatch: {
    title: 'The subject or subjectAltName of the request is not that of the certificate',
    remedy:
      'Ask for the very names that the certificate has (RFC 7030 §4.2.2): openssl x509 -x509toreq -copy_extensions copyall makes such a request.',
  },
  server_keygen_disabled: {
    title: 'Gatehouse does not make private keys for the devices of this group',
    remedy:
      'Make the key on the device; or set serverKeygen: true in the profile of a group that needs no approval.',
  },
  key_encryption_unsupported: {
    title: 'The request asks for the private key to be encrypted once more within TLS',
    remedy: 'Leave DecryptKeyIdentifier and AsymmetricDecryptKeyIdentifier out of the request.',
  },

  // Look-ups
  serial_number_unknown: {
    title: 'There is no certificate with this serial number',
    remedy: 'gatehouse device show ID lists the certificates of a device.',
  },
  device_unknown: {
    title: 'There is no such device',
    remedy: 'gatehouse device list shows those there are.',
  },
  group_unknown: { title: 'There is no such group', remedy: 'gatehouse group list shows those there are.' },
  manufacturer_unknown: {
    title: 'There is no such manufacturer',
    remedy: 'gatehouse manufacturer list shows those there are.',
  },
  request_unknown: {
    title: 'There is no such request',
    remedy: 'gatehouse request list shows those there are; what nobody decides lapses after 7 days.',
  },
  policy_unknown: {
    title: 'There is no such policy',
    remedy: 'gatehouse policy list shows those there are.',
  },
  profile_unknown: {
    title: 'There is no such profile',
    remedy: 'gatehouse profile list shows those there are.',
  },
  operator_unknown: {
    title: 'There is no such operator',
    remedy: 'gatehouse operator list shows those there are.',
  },
  operator_exists: {
    title: 'There is an operator of this name already',
    remedy: 'Choose another name, or remove that operator first.',
  },
  operator_last_admin: {
    title: 'The last admin cannot be removed',
    remedy: 'Create another admin first: gatehouse operator create NAME --role admin.',
  },
  key_not_blocked: {
    title: 'The key is not on the block-list',
    remedy: 'gatehouse key list shows those that are.',
  },
  issuer_unknown: {
    title: 'There is no such issuer',
    remedy: 'gatehouse ca status shows those there are; GET /v1/ca gives the roots.',
  },
  issuer_in_use: {
    title: 'Devices would be locked out by the end of this CA',
    remedy:
      'Wait until they have renewed; gatehouse ca retire --dry-run lists them, and --lock-out COUNT retires it in spite of so many.',
  },
  issuer_needed: {
    title: 'The CA is still needed',
    remedy: 'Let another take over first, with gatehouse ca rotate; retire issuing CAs before their root.',
  },
  ca_busy: {
    title: 'Another command is changing the CAs',
    remedy: 'Wait for its end, and look at gatehouse ca status before going on.',
  },
  crl_unknown: {
    title: 'There is no such CRL',
    remedy: 'Take the address from the certificate (CRL distribution points), or from gatehouse ca status.',
  },
  not_found: {
    title: 'There is nothing at this address',
    remedy: 'Check the path and the method, and that this is the listener you mean.',
  },

  // Imports: devices and keys by the thousand
  entry_invalid: {
    title: 'The entry does not have the form that is taken here',
    remedy:
      'Write one JSON object a line, in UTF-8: for a device {"id": …, "group": …, "attributes": {…}}, for a key {"fingerprint": …, "note": …}, for a change {"id": …} or {"serialNumber": …}.',
  },
  device_repeated: {
    title: 'The file names this device before',
    remedy: 'Leave one of the two lines out.',
  },
  device_exists: {
    title: 'There is a device of this ID already, in another group or with other attributes',
    remedy:
      'Leave the line out; or change devices that exist with gatehouse device set, or an import with --update.',
  },
  import_refused: {
    title: 'Lines of the import are not valid, and nothing was imported',
    remedy: 'Correct the lines that are named and import the whole file again.',
  },
  list_too_large: {
    title: 'The file, or list, is too large',
    remedy: 'Split it: one call takes up to 250,000 lines and 64 MiB.',
  },
  list_refused: {
    title: 'Some of those that were named cannot be changed so, and none was',
    remedy: 'Correct those that are told of, or leave them out, and give all the others again.',
  },
  bulk_unconfirmed: {
    title: 'More would be changed than was said',
    remedy:
      'See whom it would be with --dry-run, then say how many may change with --at-most COUNT (in the API: dryRun, atMost).',
  },
  revocation_busy: {
    title: 'Another list is being taken in',
    remedy: 'Wait until it is done, and send this one then.',
  },
  import_busy: {
    title: 'Another import is under way',
    remedy: 'Wait until it is done, and import then.',
  },
  csv_invalid: {
    title: 'Not the CSV that is needed here',
    remedy:
      'Begin with a line of the columns id, group and any attr.NAME; quote fields as RFC 4180 says, all lines with as many.',
  },
  answer_incomplete: {
    title: 'The answer broke off before it said how it ended',
    remedy: 'Give the command again: what was done already is counted as unchanged.',
  },

  // Policies and profiles
  attribute_missing: {
    title:
      "The profile puts an attribute of the device into its certificate's names, and the device does not have it",
    remedy:
      'Set it: gatehouse device set ID --attr NAME=VALUE; gatehouse profile test shows what it becomes.',
  },
  certificate_name_invalid: {
    title: "What the profile puts into the certificate's names is, with this device, no such name",
    remedy:
      'Change the template of the profile or the attribute of the device; gatehouse profile test NAME --device ID shows the result.',
  },
  profile_invalid: {
    title: 'The certificate profile is not valid',
    remedy: 'Correct the field that the detail names.',
  },
  policy_invalid: {
    title: 'The policy document is not valid',
    remedy: 'Correct the field that the detail names; docs/ARCHITECTURE.md describes the document.',
  },
  topic_filter_invalid: {
    title: 'Not an MQTT topic filter',
    remedy: 'Use + and # alone in their level, # only last, no control characters (MQTT 3.1.1 §4.7).',
  },
  topic_name_invalid: {
    title: 'Not an MQTT topic name',
    remedy: 'Use 1 to 65,535 bytes without wildcards or control characters (MQTT 3.1.1 §4.7).',
  },

  // Operators and the HTTP surface
  operator_token_missing: {
    title: 'No operator token was sent',
    remedy: 'Send "Authorization: Bearer TOKEN", or give the command --token, or --data on the same host.',
  },
  operator_token_invalid: {
    title: 'The operator token is not valid',
    remedy: 'Use a token that gatehouse operator create printed, or the one in DATA/operator/token.',
  },
  operator_role_insufficient: {
    title: "The operator's role does not allow this",
    remedy: 'Ask an operator or admin to do it; gatehouse operator list shows the roles.',
  },
  content_type_unsupported: {
    title: 'The body has a content type that this call does not take',
    remedy:
      'Send Content-Type: application/json; application/pkcs10, where a request alone is the body; application/x-ndjson where the call takes a list, with one JSON object a line.',
  },
  body_invalid: {
    title: 'The body is not what this call takes',
    remedy: 'Send one JSON object in UTF-8, or one a line where the call takes a list.',
  },
  body_too_large: {
    title: 'The body is too large',
    remedy: 'Send at most 32 KiB; only calls that take a list (application/x-ndjson) take more.',
  },
  rate_limited: {
    title: 'Too many requests',
    remedy: 'Wait as long as the Retry-After header says, then go on more slowly.',
  },
  renewed_too_often: {
    title: 'The device renews too often',
    remedy:
      'Wait as long as the Retry-After header says. Keep the key and the certificate of a renewal and use them; with the same key an answer that was lost can be asked for again, as often as it takes.',
  },
  internal: {
    title: 'Something failed inside Gatehouse',
    remedy: 'Try again; if it stays, give the id in the detail to the operator, whose log explains it.',
  },

  // Admission to the broker
  certificate_missing: {
    title: 'The client sent no certificate',
    remedy: 'Connect with the certificate and key from enrollment, over TLS from end to end.',
  },
  certificate_untrusted: {
    title: 'The certificate was not issued by a CA of Gatehouse that is in use',
    remedy: 'Enroll with Gatehouse and use the certificate it issued.',
  },
  issuer_retired: {
    title: 'The CA that issued the certificate is retired',
    remedy: 'Enroll again: an operator creates a token with gatehouse token create --device ID.',
  },
  certificate_unknown: {
    title: 'The registry does not know the certificate',
    remedy: 'The CA key signed it but Gatehouse did not issue it: treat the CA key as compromised.',
  },
  certificate_mismatch: {
    title: 'The certificate differs from the one the registry holds under its serial number',
    remedy: 'Treat the CA key as compromised.',
  },
  certificate_expired: {
    title: 'The certificate has expired',
    remedy: "Renew it while its group's grace lasts, or enroll again with a token; check the device's clock.",
  },
  certificate_not_yet_valid: {
    title: 'The certificate is not valid yet',
    remedy: "Check the server's clock: the detail and the header Date tell it.",
  },
  certificate_revoked: {
    title: 'The certificate is revoked',
    remedy: 'Enroll again with a token, if an operator allows it.',
  },
  certificate_superseded: {
    title: 'The certificate has been replaced by a newer one',
    remedy: 'Use the certificate of the latest enrollment.',
  },
  certificate_suspended: {
    title: 'The certificate is suspended',
    remedy: 'An operator lets it back with gatehouse device resume ID.',
  },
  client_id_mismatch: {
    title: "The MQTT client id does not belong to the certificate's device",
    remedy: 'Use the device ID, or ID/suffix, as the client id.',
  },
  rate_exceeded: {
    title: 'The device goes on sending more than its policy lets it',
    remedy: 'Have it send less, or raise messagesPerSecond and bytesPerSecond in the limits of its policy.',
  },
  websocket_refused: {
    title: 'The connection is no WebSocket for MQTT',
    remedy:
      'Ask for the path /mqtt with the subprotocol mqtt, and send MQTT in binary frames (MQTT 3.1.1 §6).',
  },
  connect_malformed: {
    title: 'The first packet is not a well-formed MQTT CONNECT',
    remedy: 'Speak MQTT 3.1.1 and begin with CONNECT (MQTT 3.1.1 §3.1).',
  },
  connect_timeout: {
    title: 'No CONNECT arrived in time',
    remedy: 'Send CONNECT right after the TLS handshake.',
  },
  protocol_version_unsupported: {
    title: 'The MQTT version is not supported',
    remedy: 'Speak MQTT 3.1.1 (protocol level 4).',
  },
  packet_too_large: {
    title: 'The MQTT packet is larger than the limit',
    remedy: 'Send smaller payloads; the policy of the group sets maxPayload.',
  },
  packet_malformed: {
    title: 'Not an MQTT packet that a client may send',
    remedy: 'Speak MQTT 3.1.1; a byte stream that was cut or garbled looks like this too.',
  },
  session_limit: {
    title: 'The device has as many sessions as it may have',
    remedy: 'Use fewer client ids ID/suffix; a session is freed by connecting to it with clean session 1.',
  },
  subscription_limit: {
    title: 'The session has as many subscriptions as it may have',
    remedy: 'Subscribe to fewer filters, with wildcards, or unsubscribe from others first.',
  },
  retained_limit: {
    title: 'The device has as many retained messages as it may have, in number or in bytes',
    remedy: 'Remove some by publishing an empty retained message to their topics.',
  },
  inflight_limit: {
    title: 'The session has as many unreleased messages of QoS 2 as it may have',
    remedy:
      'Answer each PUBREC with PUBREL; a device that has lost track connects once with clean session 1.',
  },
  queue_full: {
    title: 'Messages were dropped, the oldest first: too many waited for the session, or too many bytes',
    remedy:
      'Have the device connect more often and acknowledge what it is sent, or send it less; a session that nobody comes back for is ended by connecting to it with clean session 1.',
  },
  session_taken_over: {
    title: 'Another connection with the same client id took the session over',
    remedy: 'If it happens again and again, two programs use one client id: let each use its own ID/suffix.',
  },
  connection_limit: {
    title: 'The broker has as many connections as it takes, in all, from one address or of one device',
    remedy: 'Wait and try again; the log of the broker tells which it was.',
  },
  connect_rate_exceeded: {
    title: 'The device connects over and over, more often than it may',
    remedy:
      'Have it stay connected, or wait longer each time; two programs with one client id end each other.',
  },
  tls_handshake_failed: {
    title: 'The TLS handshake failed',
    remedy: "Speak TLS 1.2 or 1.3, and trust Gatehouse's root CA; the detail gives the reason.",
  },
  registry_unavailable: {
    title: 'The registry cannot be read',
    remedy: 'Nobody is admitted meanwhile; see the log of the broker and the disk of the registry.',
  },

  // What a session may do
  publish_denied: {
    title: 'The policy does not grant publishing to this topic',
    remedy: 'gatehouse policy test --device ID --publish TOPIC tells the rule.',
  },
  subscribe_denied: {
    title: 'The policy does not grant subscribing to this filter',
    remedy: 'gatehouse policy test --device ID --subscribe FILTER tells the rule.',
  },
  will_denied: {
    title: 'The policy does not grant publishing to the topic of the will',
    remedy: 'Choose a will topic that the device may publish to.',
  },
  topic_reserved: {
    title: 'Topics that begin with $ are closed to devices',
    remedy:
      'Use a topic that the policy of the group grants; services may be granted to subscribe to $presence/# and $SYS/#.',
  },

  // Running it
  data_exists: {
    title: 'The data folder holds a Gatehouse already',
    remedy: 'Choose another folder with --data; nothing was changed.',
  },
  data_missing: {
    title: 'The data folder holds no Gatehouse',
    remedy: 'Create one with gatehouse init --data DIR, or let gatehouse up do it.',
  },
  data_incomplete: {
    title: 'The data folder was left half-written by an init that did not finish',
    remedy: 'Nothing has been issued from it yet: gatehouse init, or gatehouse up, begins it anew.',
  },
  data_damaged: {
    title: 'The data folder holds a Gatehouse that is damaged',
    remedy:
      'Restore what the detail names from the backup; do not remove the folder, and do not run init on it.',
  },
  data_in_use: {
    title: 'A Gatehouse runs on this data folder already',
    remedy: 'Use that one, or stop it first; the registry has one writer.',
  },
  folder_refused: {
    title: 'No folder can be created there',
    remedy:
      'Choose a path on a disk, such as /var/lib/gatehouse; /proc and the like are no place to keep anything.',
  },
  setting_invalid: { title: 'A setting is not valid', remedy: 'Correct the setting that the message names.' },
  settings_conflict: {
    title: 'Two settings contradict one another',
    remedy: 'Change one of the two that the message names. A limit that is left out gives way to the others.',
  },
  passphrase_missing: {
    title: 'The passphrase of the CA key is missing',
    remedy: 'Give the file that holds it with --passphrase-file or GATEHOUSE_PASSPHRASE_FILE.',
  },
  passphrase_wrong: {
    title: 'The passphrase does not open the CA key',
    remedy: 'Give the file with the passphrase that init used.',
  },
  signer_unavailable: {
    title: 'The CA cannot sign at present',
    remedy: 'Try again after a while; the log of enroll tells what is wrong with the token of the CA key.',
  },
  pkcs11_missing: {
    title: 'This installation cannot use PKCS #11',
    remedy:
      'Its package pkcs11js is optional and compiled when Gatehouse is installed: install python3, make and g++, then run npm ci again.',
  },
  pkcs11_module_unusable: {
    title: 'The PKCS #11 module cannot be used',
    remedy: 'Give the path of the shared library that came with the token with --pkcs11-module.',
  },
  pkcs11_token_unknown: {
    title: 'There is not exactly one token with this label',
    remedy: 'Give the label of a token that the detail names with --pkcs11-token, or plug the token in.',
  },
  pkcs11_pin_missing: {
    title: 'The PIN of the token is missing',
    remedy: 'Give the file that holds it with --pkcs11-pin-file or GATEHOUSE_PKCS11_PIN_FILE.',
  },
  pkcs11_pin_refused: {
    title: 'The token does not accept the PIN',
    remedy:
      "Correct the PIN file before you start again, since tokens lock themselves after a few wrong PINs. The right PIN, given to the token with its vendor's tool, brings all tries back.",
  },
  pkcs11_mechanism_missing: {
    title: 'The token cannot do what a CA key needs',
    remedy: 'Use a token that generates EC keys (CKM_EC_KEY_PAIR_GEN) and signs with them (CKM_ECDSA).',
  },
  pkcs11_failed: {
    title: 'The token refused a call of PKCS #11',
    remedy:
      "The detail names the call and what the token answered; the vendor's documents explain the answer.",
  },
  port_in_use: {
    title: 'Another program uses the port',
    remedy: 'Stop that program, or choose another port (0 takes a free one).',
  },
  registry_schema: {
    title: 'The registry has another schema than this version of Gatehouse',
    remedy: 'Start the enroll process of this version first; it brings the registry up to date.',
  },
  registry_replaced: {
    title: 'Another registry has taken the place of the one that was open',
    remedy:
      'The broker ends; start it again on the registry that is there now, as a supervisor does by itself.',
  },
  session_store_damaged: {
    title: 'The file of the stored sessions is damaged',
    remedy:
      'Check the disk. To go on without the stored sessions, retained messages and what waited in them, move the folder sessions out of the data folder; devices subscribe anew.',
  },
  session_store_schema: {
    title: 'The file of the stored sessions is not one that this version of Gatehouse reads',
    remedy: 'Start the version that wrote it, or move the folder sessions out of the data folder.',
  },
  session_store_failed: {
    title: 'The stored sessions cannot be written',
    remedy:
      'The detail names the cause: free space on the disk, or replace it, and start the broker again. Whatever was acknowledged before is there.',
  },
  journal_broken: {
    title: 'The journal does not verify',
    remedy:
      'Rows were changed outside Gatehouse from the row that the detail names on. Keep a copy and compare with a backup.',
  },
  archive_missing: {
    title: 'An archive of the journal cannot be read',
    remedy:
      'Bring the file back from where archives are kept, or give the folder that has it with --archives.',
  },
  archive_damaged: {
    title: 'An archive of the journal is not what was written',
    remedy: 'Take the file from a backup: it was changed or cut off since Gatehouse wrote it.',
  },
  archive_needed: {
    title: 'The row that is expected is in an archive of the journal',
    remedy: 'Give the folder that has the archives with --archives.',
  },
  housekeeping_failed: {
    title: 'Housekeeping did not come to its end',
    remedy: 'Remove what the detail names, then run it again; it also tries again every hour.',
  },
  server_unknown: {
    title: 'No Gatehouse is known to ask',
    remedy:
      'Run gatehouse up, or give --data DIR of a Gatehouse on this host, or --url with --token and --ca of another.',
  },
  not_gatehouse: {
    title: 'What answers is not the Gatehouse listener that was asked for',
    remedy: 'Check host and port: a proxy, another program or another listener answers there.',
  },
  server_unreachable: {
    title: 'Gatehouse does not answer',
    remedy: 'Check that it is running and that the address is right.',
  },
  server_untrusted: {
    title: "The server's certificate is not one of this Gatehouse",
    remedy: 'Give the right CA certificate with --ca, and check the address.',
  },
  usage_invalid: {
    title: 'The command was not given as it is used',
    remedy: '--help shows the commands; --help after one of them shows its options.',
  },
  document_invalid: {
    title: 'The file does not hold a document that can be applied',
    remedy: 'Write one document in YAML or JSON with a name in it; the show commands print examples.',
  },
  process_ended: {
    title: 'A process of Gatehouse ended unexpectedly',
    remedy: 'What it logged before that tells why.',
  },
  system_failed: {
    title: 'The operating system refused something that Gatehouse needs',
    remedy: 'The message names the call and the path: check permissions and free space.',
  },
  file_unreadable: { title: 'The file cannot be read', remedy: 'Check its path and its permissions.' },
  enrollment_failed: {
    title: 'The device could not enroll',
    remedy: 'The detail gives the answer of the server.',
  },
  state_invalid: {
    title: 'The state folder of the device is not usable',
    remedy: 'Restore it, or remove it and enroll the device again with a token.',
  },

  // What a device sees of the broker; the reason is in the log of the broker (MQTT 3.1.1 §3.2.2.3, §3.9.3)
  connection_lost: {
    title: 'The connection was lost',
    remedy: 'Connect again after a while; if it is lost each time, gatehouse device explain ID tells why.',
  },
  tls_refused: {
    title: 'The server refused the certificate in the TLS handshake',
    remedy: 'Connect with the certificate and chain from enrollment; the log of the broker tells why.',
  },
  mqtt_protocol_version: {
    title: 'The broker refused the MQTT version (CONNACK 1)',
    remedy: 'Speak MQTT 3.1.1 (protocol level 4).',
  },
  mqtt_identifier_rejected: {
    title: 'The broker refused the client id (CONNACK 2)',
    remedy: 'Use the device ID, or ID/suffix, as the client id.',
  },
  mqtt_unavailable: {
    title: 'The broker admits nobody at present (CONNACK 3)',
    remedy: 'Connect again after a while; the log of the broker tells why.',
  },
  mqtt_bad_credentials: {
    title: 'The broker refused user name or password (CONNACK 4)',
    remedy: 'Send neither: the certificate says who the device is.',
  },
  mqtt_not_authorized: {
    title: 'The broker does not admit the device (CONNACK 5)',
    remedy:
      'gatehouse device explain ID tells whether it is revoked, suspended, superseded or unknown, for which MQTT 3.1.1 has one code; a suspended device comes back by itself once it is resumed.',
  },
  subscribe_refused: {
    title: 'The broker refused the subscription (SUBACK 0x80)',
    remedy: 'gatehouse policy test --device ID --subscribe FILTER tells the rule.',
  },
  interrupted: {
    title: 'It was interrupted before it was done',
    remedy: 'Start it again; nothing was left behind.',
  },
} as const satisfies Record<string, ErrorEntry>;

/** Stable for ever: programs branch on it. */
export type ErrorCode = keyof typeof errorCatalog;

export function isErrorCode(text: string): text is ErrorCode {
  return Object.hasOwn(errorCatalog, text);
}

/** A refusal with its reason. `message` says what was wrong and where; `remedy` what to do. */
export class GatehouseError extends Error {
  override readonly name: string = 'GatehouseError';
  readonly code: ErrorCode;

  constructor(code: ErrorCode, detail?: string, options?: ErrorOptions) {
    super(detail ?? errorCatalog[code].title, options);
    this.code = code;
  }

  get remedy(): string {
    return errorCatalog[this.code].remedy;
  }
}
