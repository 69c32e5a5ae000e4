# hint: The last 'ra'
def probabilities(known, held, K, n, d):
    q = np.full(len(held), 1 / K)
    for m in range(1, n + 1):
        pairs = Counter(known[i : i + m] for i in range(len(known) - m + 1))
        # how often each context occurs
        total = Counter(known[i : i + m - 1] for i in range(len(known) - m + 2))
        if m == 1:
            total[""] = len(known)
        kinds = Counter(pair[:-1] for pair in pairs)
        for i in range(m - 1, len(held)):
            c = held[i - m + 1 : i]
            if total[c]:
                kept = max(pairs[c + held[i]] - d, 0)
                q[i] = (kept + d * kinds[c] * q[i]) / total[c]
    return q
