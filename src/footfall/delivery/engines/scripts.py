"""What a Valkey or Redis server does in one step, for one tracker: scripts in the Lua that both have since 7.2.

Under one prefix, whose part in braces keeps it all on one node of a cluster, there are

``in``           the stream: every request without a final verdict, numbered in the order of publication
``next``         what may be sent next: looked at and not taken, or stepped forward in its visitor's line
``line``         what stands behind another of its visitor: visitor and number
``busy``         by visitor, whose turn it is: under way, put off, or next
``leased``       what is under way, by when its lease ends; ``owner`` says whose it is
``again``        what is put off, by when it is due; ``tries`` and ``failing`` say how often, and since when, it failed
``aside``        the numbers of what must go once
``failed``       the stream of what was set aside; ``unanswered`` of what may have arrived
``sources``      by host, which parcel came last
``once``         keys of what is sent only once; ``erased``: visitors, and when they were forgotten
``counters``     how many were accepted, delivered, failed, erased
"""

from __future__ import annotations

from hashlib import sha1
from typing import Final

__all__ = ["ERASE", "PUBLISH", "RETRY", "TURN", "Script"]

GROUP: Final = "deliver"

_COMMON: Final = """
local base = KEYS[1]
local function key(name) return base .. name end
local clock = redis.call('TIME')
local now = tonumber(clock[1]) + tonumber(clock[2]) / 1000000
local function moment(seconds) return string.format('%.6f', seconds) end
local function count(name, number) redis.call('HINCRBY', key('counters'), name, number) end
local function place(v, n) return v .. ':' .. string.format('%016d', tonumber(n)) end
local function read(stream, id)
    local found = redis.call('XRANGE', key(stream), id, id)
    if #found == 0 then return nil end
    local fields, row = found[1][2], {}
    for i = 1, #fields, 2 do row[fields[i]] = fields[i + 1] end
    return row
end
local function add(v, a, t, r)
    if redis.call('EXISTS', key('in')) == 0 then
        redis.call('XGROUP', 'CREATE', key('in'), 'deliver', '0', 'MKSTREAM')
    end
    local n = string.format('%d', redis.call('INCR', key('number')))
    redis.call('XADD', key('in'), n .. '-0', 'v', v, 'a', a, 't', t, 'r', r)
    if a == '1' then redis.call('SADD', key('aside'), n) end
end
local function step_forward(v)
    local found = redis.call('ZRANGEBYLEX', key('line'), '[' .. v .. ':', '(' .. v .. ';', 'LIMIT', 0, 1)
    if #found == 0 then
        redis.call('HDEL', key('busy'), v)
        return
    end
    local n = string.match(found[1], ':0*(%d+)$')
    redis.call('ZREM', key('line'), found[1])
    redis.call('HSET', key('busy'), v, n)
    redis.call('ZADD', key('next'), n, n)
end
local function remove(n, row)
    redis.call('XDEL', key('in'), n .. '-0')
    for _, name in ipairs({'next', 'leased', 'again'}) do redis.call('ZREM', key(name), n) end
    for _, name in ipairs({'owner', 'tries', 'failing'}) do redis.call('HDEL', key(name), n) end
    if row.a == '1' then redis.call('SREM', key('aside'), n) end
    if row.v ~= '' then
        if redis.call('HGET', key('busy'), row.v) == n then
            step_forward(row.v)
        else
            redis.call('ZREM', key('line'), place(row.v, n))
        end
    end
end
"""
_PUBLISH: Final = """
local source, after, marker, most = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
if (redis.call('HGET', key('sources'), source) or '') ~= after then return 'moved' end
if most > 0 and redis.call('XLEN', key('in')) >= most then return 'full' end
local accepted, erased, repeated = 0, 0, 0
for _, row in ipairs(cjson.decode(ARGV[5])) do
    local v, a, t, once, r = unpack(row)
    local forgotten = v ~= '' and redis.call('ZSCORE', key('erased'), v)
    if forgotten and tonumber(forgotten) >= tonumber(t) then
        accepted, erased = accepted + 1, erased + 1
    elseif once ~= '' and redis.call('ZADD', key('once'), 'NX', t, v .. ':' .. once) == 0 then
        repeated = repeated + 1
    else
        add(v, a, t, r)
        accepted = accepted + 1
    end
end
redis.call('HSET', key('sources'), source, marker)
if accepted > 0 then count('accepted', accepted) end
if erased > 0 then count('erased', erased) end
if repeated > 0 then count('refused repeated', repeated) end
return 'taken'
"""
_TURN: Final = """
local asked = cjson.decode(ARGV[1])
local owner, leased = asked.owner, {}

local function is_mine(n) return redis.call('HGET', key('owner'), n) == owner end
local function set_aside(n, row, reason, status, answer)
    local stream = string.sub(reason, 1, 12) == 'unanswered: ' and 'unanswered' or 'failed'
    local tries = tonumber(redis.call('HGET', key('tries'), n) or '0') + 1
    redis.call('XADD', key(stream), '*', 'v', row.v, 'a', row.a, 't', row.t, 'r', row.r, 'reason', reason,
        'status', status, 'answer', answer, 'failed', moment(now), 'tries', tries)
    remove(n, row)
    count('failed', 1)
end
local function let_go(n)
    redis.call('ZREM', key('leased'), n)
    redis.call('HDEL', key('owner'), n)
    if redis.call('HEXISTS', key('tries'), n) == 1 then
        redis.call('ZADD', key('again'), moment(now), n)
    else
        redis.call('ZADD', key('next'), n, n)
    end
end

for _, n in ipairs(asked.delivered) do
    local row = is_mine(n) and read('in', n .. '-0')
    if row then
        remove(n, row)
        count('delivered', 1)
    end
end
for _, one in ipairs(asked.failed) do
    local n = one[1]
    local row = is_mine(n) and read('in', n .. '-0')
    if row then set_aside(n, row, one[2], one[3], one[4]) end
end
for _, one in ipairs(asked.postponed) do
    local n = one[1]
    if is_mine(n) then
        redis.call('HINCRBY', key('tries'), n, 1)
        redis.call('HSETNX', key('failing'), n, moment(now))
        redis.call('ZREM', key('leased'), n)
        redis.call('HDEL', key('owner'), n)
        redis.call('ZADD', key('again'), moment(now + one[2]), n)
    end
end
for _, n in ipairs(asked.renewed) do
    if is_mine(n) then redis.call('ZADD', key('leased'), moment(now + asked.lease), n) end
end
if asked.free then
    local mine = {}
    for _, n in ipairs(asked.mine) do mine[n] = true end
    for _, n in ipairs(redis.call('ZRANGE', key('leased'), 0, -1)) do
        if is_mine(n) and not mine[n] then let_go(n) end
    end
end
for _, n in ipairs(redis.call('ZRANGEBYSCORE', key('leased'), '-inf', moment(now), 'LIMIT', 0, 1000)) do
    local row = read('in', n .. '-0')
    if not row then
        redis.call('ZREM', key('leased'), n)
        redis.call('HDEL', key('owner'), n)
    elseif row.a == '1' then
        set_aside(n, row, asked.orphaned, '', '')
    else
        let_go(n)
    end
end

local function take(n)
    redis.call('ZREM', key('next'), n)
    redis.call('ZREM', key('again'), n)
    local row = read('in', n .. '-0')
    if not row then return end
    redis.call('ZADD', key('leased'), moment(now + asked.lease), n)
    redis.call('HSET', key('owner'), n, owner)
    leased[#leased + 1] = {n, row.t, redis.call('HGET', key('tries'), n) or '0', row.r}
end
local function look(number)
    if redis.call('EXISTS', key('in')) == 0 then return 0, {} end
    local found = redis.call('XREADGROUP', 'GROUP', 'deliver', 'worker', 'COUNT', number, 'NOACK', 'STREAMS',
        key('in'), '>')
    if not found then return 0, {} end
    local free = {}
    for _, entry in ipairs(found[1][2]) do
        local n, fields = string.match(entry[1], '^(%d+)'), entry[2]
        local v = fields[2]
        if v ~= '' and redis.call('HEXISTS', key('busy'), v) == 1 then
            redis.call('ZADD', key('line'), 0, place(v, n))
        else
            if v ~= '' then redis.call('HSET', key('busy'), v, n) end
            free[#free + 1] = n
        end
    end
    return #found[1][2], free
end
local function take_again(number)
    if number <= 0 then return end
    local due = redis.call('ZRANGEBYSCORE', key('again'), '-inf', moment(now), 'LIMIT', 0, number)
    for _, n in ipairs(due) do take(n) end
end

if asked.limit > 0 and asked.probe then
    local rounds = 0
    while rounds < 20 and redis.call('ZCARD', key('next')) < 1000 do
        local seen, free = look(1000)
        for _, n in ipairs(free) do redis.call('ZADD', key('next'), n, n) end
        if seen < 1000 then break end
        rounds = rounds + 1
    end
    local first = redis.call('ZRANGE', key('next'), 0, 999)
    for _, aside in ipairs({0, 1}) do
        for i = #first, 1, -1 do
            local n = first[i]
            if #leased < asked.limit and redis.call('SISMEMBER', key('aside'), n) == aside then take(n) end
        end
    end
    if #leased == 0 then take_again(asked.limit) end
elseif asked.limit > 0 then
    take_again(math.min(asked.limit, asked.again))
    if #leased < asked.limit then
        for _, n in ipairs(redis.call('ZRANGE', key('next'), 0, asked.limit - #leased - 1)) do take(n) end
    end
    local rounds = 0
    while rounds < 20 and #leased < asked.limit do
        local missing = asked.limit - #leased
        local seen, free = look(missing)
        for _, n in ipairs(free) do take(n) end
        if seen < missing then break end
        rounds = rounds + 1
    end
end
return leased
"""
_ERASE: Final = """
local stream, from, most = ARGV[1], ARGV[2], tonumber(ARGV[3])
local whose = {}
for i = 4, #ARGV do whose[ARGV[i]] = true end
local found, erased = redis.call('XRANGE', key(stream), from, '+', 'COUNT', most), 0
for _, entry in ipairs(found) do
    local v = entry[2][2]
    if whose[v] then
        if stream == 'in' then
            local n = string.match(entry[1], '^(%d+)')
            remove(n, {v = v, a = entry[2][4]})
        else
            redis.call('XDEL', key(stream), entry[1])
            count('failed', -1)
        end
        erased = erased + 1
    end
end
if erased > 0 then count('erased', erased) end
if #found < most then return '' end
return '(' .. found[#found][1]
"""
_RETRY: Final = """
local stream, done = ARGV[1], 0
for i = 2, #ARGV do
    local row = read(stream, ARGV[i])
    if row then
        redis.call('XDEL', key(stream), ARGV[i])
        add(row.v, row.a, moment(now), row.r)
        done = done + 1
    end
end
if done > 0 then count('failed', -done) end
return done
"""


class Script:
    """A script, and the name that a server has for it once it was sent."""

    def __init__(self, body: str, *, flags: str = "") -> None:
        self.text = f"#!lua{f' flags={flags}' if flags else ''}{_COMMON}{body}"
        self.sha = sha1(self.text.encode(), usedforsecurity=False).hexdigest()


PUBLISH: Final = Script(_PUBLISH)
# A server out of memory must let go of what is delivered, or it would never have room again.
TURN: Final = Script(_TURN, flags="allow-oom")
ERASE: Final = Script(_ERASE, flags="allow-oom")
RETRY: Final = Script(_RETRY)
