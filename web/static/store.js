// IndexedDB for Python. One logical change is one transaction, made here, because Python cannot
// hold a transaction across an await; values travel as JSON text, bytes beside it in `blobs`.

// MicroPython hands bytes over as hexadecimal text, Pyodide as they are.
const bytesOf = (blob) =>
  typeof blob === "string" ? Uint8Array.from(blob.match(/../g) ?? [], (byte) => parseInt(byte, 16)) : blob;

const unpack = (text, blobs) =>
  JSON.parse(text, (key, value) =>
    value?.$bytes === undefined ? value : bytesOf(blobs[value.$bytes]),
  );

function pack(value) {
  const blobs = [];
  const text = JSON.stringify(value, (key, part) =>
    part instanceof Uint8Array ? { $bytes: blobs.push(part) - 1 } : part,
  );
  return [text, ...blobs];
}

// Pyodide waits for ever when a promise is refused with what it does not take for an error, such as
// Chromium's QuotaExceededError, which has become a class of its own.
const plain = (fault) => fault && new DOMException(fault.message, fault.name);

// A file outside IndexedDB, made once there is a database: when it is there and the database is new, the browser lost
// the data. Folders can go while they are read, when a person clears the site's data: then nothing is known.
async function marker(name, create) {
  try {
    const root = await navigator.storage.getDirectory();
    return Boolean(await root.getFileHandle(`${name}.marker`, { create }));
  } catch {
    return false;
  }
}

// Room in a file, because deleting a file makes room at once and deleting a record does not.
async function ballast(name) {
  return [await navigator.storage.getDirectory(), `${name}.ballast`];
}

class Store {
  constructor(name, steps, told) {
    Object.assign(this, { name, steps, told, lost: false, retired: false, connection: null });
  }

  // Opened at first use and again after any fault; `steps[i]` lists the stores version i+1 adds.
  async connect() {
    if (this.retired) throw new DOMException("a newer OneSeek is open: reload", "VersionError");
    this.connection ??= new Promise((resolve, reject) => {
      const opening = indexedDB.open(this.name, this.steps.length);
      let fault = null;
      opening.onupgradeneeded = ({ oldVersion }) => {
        this.created = oldVersion === 0;
        try {
          for (const step of this.steps.slice(oldVersion))
            for (const store of step) opening.result.createObjectStore(store);
        } catch (reason) {
          fault = reason;
          opening.transaction.abort();
        }
      };
      opening.onblocked = () => this.told("blocked");
      opening.onerror = () => reject(plain(fault ?? opening.error));
      opening.onsuccess = () => {
        const database = opening.result;
        database.onclose = () => (this.connection = null);
        database.onversionchange = () => {
          this.retired = true;
          database.close();
          this.told("reload");
        };
        resolve(database);
      };
    }).catch((fault) => {
      this.connection = null;
      this.retired = fault.name === "VersionError";
      throw fault;
    });
    return this.connection;
  }

  async transaction(stores, mode, durability) {
    for (let attempt = 0; ; attempt++) {
      const database = await this.connect();
      try {
        return database.transaction(stores, mode, { durability });
      } catch (fault) {
        this.connection = null;
        if (attempt || fault.name !== "InvalidStateError") throw fault;
      }
    }
  }

  // -1: stored. i >= 0: expectation i does not hold and nothing is stored. Throws: nothing stored.
  async batch(opsText, expectText, blobs, durability) {
    const ops = unpack(opsText, blobs);
    const expect = JSON.parse(expectText);
    const stores = [...new Set([...ops.map((op) => op[1]), ...expect.map((one) => one[0])])];
    const change = await this.transaction(stores, "readwrite", durability);
    return new Promise((resolve, reject) => {
      let failed = -1;
      let fault = null;
      const write = () => {
        for (const [verb, store, key, value] of ops)
          if (verb === "put") change.objectStore(store).put(value, key);
          else change.objectStore(store).delete(key);
      };
      const stop = (reason) => {
        fault = reason;
        change.abort();
      };
      change.oncomplete = () => resolve(-1);
      change.onabort = () => {
        if (failed >= 0) return resolve(failed);
        if (change.error?.name !== "QuotaExceededError") this.connection = null;
        reject(plain(fault ?? change.error) ?? new DOMException("the write was aborted", "AbortError"));
      };
      const check = (i) => {
        if (i === expect.length) return write();
        const [store, key, field, value] = expect[i];
        change.objectStore(store).get(key).onsuccess = ({ target: { result } }) => {
          const found = field === null ? result !== undefined : (result?.[field] ?? null);
          if (found === value) return attempt(() => check(i + 1));
          failed = i;
          change.abort();
        };
      };
      const attempt = (act) => {
        try {
          act();
        } catch (reason) {
          stop(reason);
        }
      };
      attempt(() => check(0));
    });
  }

  async read(store, ask) {
    const reading = await this.transaction([store], "readonly", "default");
    return new Promise((resolve, reject) => {
      const answer = ask(reading.objectStore(store));
      answer.onsuccess = () => resolve(answer.result);
      answer.onerror = () => reject(plain(answer.error));
      reading.onabort = () => {
        this.connection = null;
        reject(plain(reading.error) ?? new DOMException("the read was aborted", "AbortError"));
      };
    });
  }

  async get(store, key) {
    return pack((await this.read(store, (s) => s.get(key))) ?? null);
  }

  asText(bytes) {
    return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  async count(store) {
    return this.read(store, (s) => s.count());
  }

  async keys(store) {
    return JSON.stringify(await this.read(store, (s) => s.getAllKeys()));
  }

  // [key, value] pairs in key order, those after `after` (all when null), at most `limit` (0: all).
  async all(store, after, limit, newest) {
    const range = after == null ? null
      : newest ? IDBKeyRange.upperBound(after, true) : IDBKeyRange.lowerBound(after, true);
    const reading = await this.transaction([store], "readonly", "default");
    return new Promise((resolve, reject) => {
      const found = [];
      const walk = reading.objectStore(store).openCursor(range, newest ? "prev" : "next");
      walk.onerror = () => reject(plain(walk.error));
      walk.onsuccess = () => {
        const cursor = walk.result;
        if (cursor) found.push([cursor.key, cursor.value]);
        if (!cursor || found.length === limit) return resolve(pack(found));
        cursor.continue();
      };
    });
  }

  async reserve(size) {
    const [root, name] = await ballast(this.name);
    const handle = await root.getFileHandle(name, { create: true });
    if ((await handle.getFile()).size >= size) return;
    const file = await handle.createWritable();
    await file.write(new Uint8Array(size));
    await file.close();
  }

  async release() {
    const [root, name] = await ballast(this.name);
    await root.removeEntry(name).catch(() => {});
  }

  async close() {
    if (this.connection) (await this.connection).close();
    this.connection = null;
  }
}

export async function openStore(name, stepsText, told) {
  const store = new Store(name, JSON.parse(stepsText), told ?? (() => {}));
  const [marked] = await Promise.all([marker(name, false), store.connect()]);
  store.lost = marked && store.created === true;
  await marker(name, true);
  return store;
}
