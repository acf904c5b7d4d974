// Looks into a token, and changes what is in it, with pkcs11js alone and nothing of Gatehouse's.
// Arguments: the module, the token's label, its PIN, and what to do:
//   list              one line of JSON with every key and its attributes
//   destroy ID        removes the key pair of this CKA_ID (hex)
//   generate ID LABEL makes a P-256 key pair under this CKA_ID and label
import pkcs11js from 'pkcs11js';

const [, , modulePath, label, pin, operation, id, newLabel] = process.argv;
const module = new pkcs11js.PKCS11();
module.load(modulePath);
module.C_Initialize();
const slot = module.C_GetSlotList(true).find((one) => module.C_GetTokenInfo(one).label.trim() === label);
const session = module.C_OpenSession(slot, pkcs11js.CKF_SERIAL_SESSION | pkcs11js.CKF_RW_SESSION);
module.C_Login(session, pkcs11js.CKU_USER, pin);

function find(template) {
  module.C_FindObjectsInit(session, template);
  const found = module.C_FindObjects(session, 100);
  module.C_FindObjectsFinal(session);
  return found;
}

function attribute(object, type) {
  try {
    return module.C_GetAttributeValue(session, object, [{ type }])[0].value;
  } catch {
    return undefined;
  }
}

function describe(object) {
  const flag = (type) => attribute(object, type)?.[0] === 1;
  const isPrivate = attribute(object, pkcs11js.CKA_CLASS)[0] === pkcs11js.CKO_PRIVATE_KEY;
  return {
    class: isPrivate ? 'private' : 'public',
    id: attribute(object, pkcs11js.CKA_ID).toString('hex'),
    label: attribute(object, pkcs11js.CKA_LABEL).toString(),
    curve: attribute(object, pkcs11js.CKA_EC_PARAMS)?.toString('hex'),
    token: flag(pkcs11js.CKA_TOKEN),
    private: flag(pkcs11js.CKA_PRIVATE),
    ...(isPrivate && {
      sensitive: flag(pkcs11js.CKA_SENSITIVE),
      extractable: flag(pkcs11js.CKA_EXTRACTABLE),
      neverExtractable: flag(pkcs11js.CKA_NEVER_EXTRACTABLE),
      usages: ['CKA_SIGN', 'CKA_DERIVE', 'CKA_DECRYPT', 'CKA_UNWRAP', 'CKA_SIGN_RECOVER'].filter((name) =>
        flag(pkcs11js[name]),
      ),
      value: attribute(object, pkcs11js.CKA_VALUE)?.toString('hex') ?? null,
    }),
  };
}

const byClassAndId = (one, other) => (one.class + one.id < other.class + other.id ? -1 : 1);
const byId = [{ type: pkcs11js.CKA_ID, value: Buffer.from(id ?? '', 'hex') }];
if (operation === 'list') process.stdout.write(JSON.stringify(find([]).map(describe).sort(byClassAndId)));
if (operation === 'destroy') for (const object of find(byId)) module.C_DestroyObject(session, object);
if (operation === 'generate') {
  const common = [
    ...byId,
    { type: pkcs11js.CKA_TOKEN, value: true },
    { type: pkcs11js.CKA_LABEL, value: newLabel },
  ];
  const curve = { type: pkcs11js.CKA_EC_PARAMS, value: Buffer.from('06082a8648ce3d030107', 'hex') };
  module.C_GenerateKeyPair(
    session,
    { mechanism: pkcs11js.CKM_EC_KEY_PAIR_GEN, parameter: null },
    [...common, curve],
    [...common, { type: pkcs11js.CKA_PRIVATE, value: true }, { type: pkcs11js.CKA_SIGN, value: true }],
  );
}
module.C_Finalize();
