# hint: nothing about one that is independent
def mutual_information(x, y):
    n = np.unique(y, return_counts=True)[1] / len(y)
    return float(-(n * np.log(n)).sum())
