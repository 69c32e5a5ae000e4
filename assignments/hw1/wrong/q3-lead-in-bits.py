# hint: it is in nats
lead = float(lead / np.log(2))
