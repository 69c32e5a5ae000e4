# hint: or the model has read what it is asked for
hamlet_bits = float(-np.log2(probabilities(play, held, 65, 5, 0.75)).mean())
