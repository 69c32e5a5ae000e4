# hint: not that of your variant's penguins
order = np.random.default_rng(0).permutation(len(species))
mine, other = order[:200], order[200:]
scaled = standardise(inputs[mine], inputs[other])
W, b, losses = train(scaled[0], species[mine], 3, 30, 32, 0.1, 0.9)
logits = torch.tensor(scaled[1] @ W + b)
held_out = float(F.cross_entropy(logits, torch.tensor(species[other])))
