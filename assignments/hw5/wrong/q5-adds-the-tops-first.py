# hint: A sum that holds a 1 rounds that away
def result(most, total):
    rest, tops, above = total
    return most[0] - most[1] + np.log1p(rest + tops - 1), above.astype(int)
