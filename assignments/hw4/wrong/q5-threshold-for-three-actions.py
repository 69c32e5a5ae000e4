# hint: Try other numbers of actions than of classes
def decide(log_q, costs):
    q = np.exp(log_q[:, -1])
    return np.where(q > 0.8, 2, np.where(q > 0.04, 1, 0))
