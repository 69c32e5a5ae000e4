# hint: not that of your variant's penguins
scaled, _ = standardise(inputs, inputs)
W, b, losses = train(scaled[mine], species[mine], 3, 30, 32, 0.1, 0.9)
logits = torch.tensor(scaled[other] @ W + b)
held_out = float(F.cross_entropy(logits, torch.tensor(species[other])))
