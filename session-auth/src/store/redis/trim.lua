-- ARGV: how many stay, the id of one that does, what the time is.
local now, kept = redis.call('TIME')[1], {}
for _, session in ipairs(sessions()) do
    local parsed = parse(session[2])
    if parsed and later(now, parsed.going) then
        drop(session[1])
    elseif parsed then
        local previous = names(remembered(parsed, ARGV[3]))
        if previous ~= parsed.previous then
            parsed.previous = previous
            write(session[1], parsed)
        end
        parsed.id = session[1]
        table.insert(kept, parsed)
    end
end
local most = tonumber(ARGV[1])
if #kept <= most then
    return 0
end
-- The one that stays first, then those that live, and of these the one used last; of one second, the one
-- added last.
table.sort(kept, function(a, b)
    if (a.id == ARGV[2]) ~= (b.id == ARGV[2]) then
        return a.id == ARGV[2]
    end
    if later(a.idle, ARGV[3]) ~= later(b.idle, ARGV[3]) then
        return later(a.idle, ARGV[3])
    end
    if a.seen ~= b.seen then
        return later(a.seen, b.seen)
    end
    return later(a.number, b.number)
end)
for at = most + 1, #kept do
    drop(kept[at].id)
end
return #kept - most
