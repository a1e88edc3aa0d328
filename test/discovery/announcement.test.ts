import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Announcement, readAnnouncement, writeAnnouncement } from '../../src/discovery/announcement.ts'
import { isExovisorError } from '../../src/errors.ts'

const announcement: Announcement = {
  id: 'a'.repeat(32),
  name: 'attic',
  incarnation: 3,
  sequence: 9,
  port: 4_000,
  leave: false,
}
const scope = { namespace: 'home' }

/** A datagram with some fields of its JSON changed. */
const changed = (change: object, of = scope) =>
  Buffer.from(JSON.stringify({ ...JSON.parse(writeAnnouncement(announcement, of).toString()), ...change }))

describe('an announcement', () => {
  it('comes back as it was written, with and without a key', () => {
    const counter = fc.maxSafeNat()
    const announcements = fc.record({
      id: fc.stringMatching(/^[a-z0-9][a-z0-9._-]{0,63}$/),
      name: fc.string({ maxLength: 40 }).filter(name => !/\p{Cc}/u.test(name)),
      incarnation: counter,
      sequence: counter,
      port: fc.integer({ min: 1, max: 65_535 }),
      leave: fc.boolean(),
    })
    fc.assert(
      fc.property(
        announcements,
        fc.option(fc.string({ minLength: 8 }), { nil: undefined }),
        (written, key) => {
          const where = { namespace: 'n', ...(key !== undefined && { key }) }
          expect(readAnnouncement(writeAnnouncement(written, where), where)).toEqual(written)
        },
      ),
    )
  })

  it('says nothing of a host, so that nobody can point at another machine', () => {
    expect(Object.keys(JSON.parse(writeAnnouncement(announcement, scope).toString()))).toEqual([
      'v',
      'ns',
      'id',
      'name',
      'inc',
      'seq',
      'port',
      'leave',
    ])
  })

  it('may have fields that a later version has added', () => {
    expect(readAnnouncement(changed({ gpus: 4, host: 'example.org' }), scope)).toEqual(announcement)
  })

  it('is dropped when it is of a newer version, whatever else it holds', () => {
    expect(readAnnouncement(Buffer.from('{"v":2,"new":[]}'), scope)).toBe('newer-version')
  })

  it('is dropped when it is of another namespace, without showing its name', () => {
    const datagram = writeAnnouncement(announcement, { namespace: 'neighbours' })
    expect(readAnnouncement(datagram, scope)).toBe('foreign-namespace')
    expect(datagram.toString()).not.toContain('neighbours')
  })

  it('is dropped when it is not signed with the key of the cluster', () => {
    const keyed = { ...scope, key: 'the key of the house' }
    expect(readAnnouncement(writeAnnouncement(announcement, scope), keyed)).toBe('unsigned')
    expect(readAnnouncement(writeAnnouncement(announcement, { ...scope, key: 'another key' }), keyed)).toBe(
      'unsigned',
    )
    for (const change of [{ port: 1 }, { seq: 10 }, { leave: true }, { inc: 4 }, { id: 'b' }])
      expect(readAnnouncement(changed(change, keyed), keyed)).toBe('unsigned')
  })

  it.each([
    ['', 'no UTF-8 JSON'],
    ['[]', 'the message'],
    ['{"v":0}', 'v:'],
    ['x'.repeat(1_401), '1401 bytes, expected at most 1400'],
    [changed({ port: 0 }).toString(), 'port:'],
    [changed({ port: 65_536 }).toString(), 'port:'],
    [changed({ id: '../../etc' }).toString(), 'id:'],
    [changed({ name: 'a\nb' }).toString(), 'name:'],
    [changed({ inc: -1 }).toString(), 'inc:'],
    [changed({ seq: 2 ** 53 }).toString(), 'seq:'],
  ])('is refused when it is broken: %s', (text, message) => {
    const read = () => readAnnouncement(Buffer.from(text), scope)
    expect(read).toThrow(expect.objectContaining({ code: 'EXO_ANNOUNCEMENT_INVALID' }))
    expect(read).toThrow(message)
  })

  it('never throws anything else, whatever the datagram holds', () => {
    const datagrams = fc.oneof(
      fc.uint8Array({ maxLength: 300 }).map(bytes => Buffer.from(bytes)),
      fc.json().map(text => Buffer.from(text)),
      fc
        .dictionary(
          fc.constantFrom('v', 'ns', 'id', 'name', 'inc', 'seq', 'port', 'leave', 'mac'),
          fc.jsonValue(),
        )
        .map(change => changed(change)),
    )
    fc.assert(
      fc.property(datagrams, datagram => {
        try {
          readAnnouncement(datagram, scope)
        } catch (error) {
          if (!isExovisorError(error, 'EXO_ANNOUNCEMENT_INVALID')) throw error
        }
      }),
    )
  })

  it('is not written when it does not fit into one datagram', () => {
    expect(() => writeAnnouncement({ ...announcement, name: 'x'.repeat(1_400) }, scope)).toThrow(
      'expected at most 1400',
    )
  })
})
