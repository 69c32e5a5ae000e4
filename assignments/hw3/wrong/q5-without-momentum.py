# hint: not that of your variant's penguins
model = train(scaled[0], species[mine], 3, 30, 32, 0.1, 0.0)
logits = torch.tensor(scaled[1] @ model[0] + model[1])
held_out = float(F.cross_entropy(logits, torch.tensor(species[other])))
