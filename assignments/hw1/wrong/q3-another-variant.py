# hint: not those of your variant's note
note = NOTES[VARIANT % 9]
costs = decode_costs(letter_counts(Counter(note)), models)
best = int(costs.argmin())
suspect, shift = codes[best // 26], best % 26
lead = float(np.diff(np.sort(costs, axis=None)[:2])[0])
