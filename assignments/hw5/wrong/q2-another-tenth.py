# hint: Your bits are not those of your variant's tenth
cut = [len(play) * tenth // 10 for tenth in (VARIANT + 1, VARIANT + 2)]
known, held = play[: cut[0]] + play[cut[1] :], play[cut[0] : cut[1]]
hamlet_bits = float(-np.log2(probabilities(known, held, 65, 5, 0.75)).mean())
