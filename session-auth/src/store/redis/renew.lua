-- ARGV: old id, new id, until when the old one is remembered or 0, seconds to live, issued, last seen,
-- idle deadline, absolute deadline, label, how many ids of before are remembered at the most.
local row = redis.call('HGET', key, ARGV[1])
local old = row and parse(row)
-- What is remembered of the ids before that still is of use, the oldest first.
local remembered = {}
for _, id in ipairs(old and befores(old) or {}) do
    local to = redis.call('HGET', key, id)
    local til = to and to:match('^>%x+ (%d+)$')
    if til and later(til, ARGV[6]) then
        table.insert(remembered, { id, til })
    end
end
if drop(ARGV[1]) == 0 then
    return 0
end
if ARGV[3] ~= '0' then
    table.insert(remembered, { ARGV[1], ARGV[3] })
end
local ids = {}
for at = math.max(1, #remembered - ARGV[10] + 1), #remembered do
    local id, til = unpack(remembered[at])
    redis.call('HSET', key, id, '>' .. ARGV[2] .. ' ' .. til)
    table.insert(ids, id)
end
write(ARGV[2], {
    number = old and old.number or redis.call('HINCRBY', key, 'added', 1),
    issued = ARGV[5],
    seen = ARGV[6],
    idle = ARGV[7],
    absolute = ARGV[8],
    going = expires(ARGV[4]),
    previous = #ids > 0 and table.concat(ids, ',') or '-',
    label = ARGV[9],
})
extend(tonumber(ARGV[4]))
return 1
