# hint: lead is not that of your variant's note
models = np.array([letter_model(load_ngrams(code, n=1), 1) for code in codes])
costs = decode_costs(letter_counts(Counter(note)), models)
lead = float(np.diff(np.sort(costs, axis=None)[:2])[0])
