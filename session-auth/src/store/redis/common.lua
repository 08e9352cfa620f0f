-- Before each script. KEYS[1] is the subject's hash. The time here is that of Redis, and decides
-- nothing but when a session may go.
local key = KEYS[1]

-- Lets the hash live for so many seconds more, or longer if it does already.
local function extend(seconds)
    if redis.call('TTL', key) < seconds then
        redis.call('EXPIRE', key, seconds)
    end
end

-- When what has so many seconds left may go.
local function expires(seconds)
    return string.format('%.0f', redis.call('TIME')[1] + seconds)
end

-- Whether one number is after another: as text, since Lua's are exact to 53 bits alone.
local function later(a, b)
    return #a > #b or (#a == #b and a > b)
end

-- What was written of a session; nil where this version did not write it.
local function parse(row)
    local number, issued, seen, idle, absolute, going, previous, label =
        row:match('^1 (%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%S+)(.*)$')
    if number then
        return {
            number = number,
            issued = issued,
            seen = seen,
            idle = idle,
            absolute = absolute,
            going = going,
            previous = previous,
            label = label,
        }
    end
end

local function write(id, s)
    local row = { '1', s.number, s.issued, s.seen, s.idle, s.absolute, s.going, s.previous .. s.label }
    redis.call('HSET', key, id, table.concat(row, ' '))
end

-- The ids that a session had before.
local function befores(session)
    local ids = {}
    for id in session.previous:gmatch('%x+') do
        table.insert(ids, id)
    end
    return ids
end

-- Takes out of the hash what the session had before and is remembered no longer at this time. Gives the other
-- ids, the oldest first, each with until when it is.
local function remembered(session, now)
    local still = {}
    for _, id in ipairs(befores(session)) do
        local to = redis.call('HGET', key, id)
        local til = to and to:match('^>%x+ (%d+)$')
        if til and later(til, now) then
            table.insert(still, { id, til })
        else
            redis.call('HDEL', key, id)
        end
    end
    return still
end

-- Ids of before as they stand in a session.
local function names(ids)
    local names = {}
    for _, id in ipairs(ids) do
        table.insert(names, id[1])
    end
    return #names > 0 and table.concat(names, ',') or '-'
end

-- Takes a session out, and with it the ids that it had before. Says whether there was one.
local function drop(id)
    local row = redis.call('HGET', key, id)
    if not row or row:sub(1, 1) == '>' then
        return 0
    end
    local session = parse(row)
    for _, before in ipairs(session and befores(session) or {}) do
        redis.call('HDEL', key, before)
    end
    return redis.call('HDEL', key, id)
end

-- The id of the session that has this one, or had it before it was renewed.
local function present(id)
    local row = redis.call('HGET', key, id)
    return row and row:match('^>(%x+) ') or id
end

-- Each session by its id, also those that cannot be read; and not the ids of before.
local function sessions()
    local all = redis.call('HGETALL', key)
    local found = {}
    for at = 1, #all, 2 do
        if #all[at] == 32 and all[at + 1]:sub(1, 1) ~= '>' then
            table.insert(found, { all[at], all[at + 1] })
        end
    end
    return found
end
