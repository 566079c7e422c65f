namespace Iba.Engine.Backends;

/// <summary>The constants of Adam (Kingma and Ba 2015), with PyTorch's defaults; double, since PyTorch takes 1 - β in double.</summary>
/// <param name="LearningRate">The step size.</param>
/// <param name="Beta1">Decay of the mean gradient.</param>
/// <param name="Beta2">Decay of the mean squared gradient.</param>
/// <param name="Epsilon">Added to the denominator after the bias correction, as PyTorch does.</param>
public readonly record struct AdamSettings(double LearningRate, double Beta1 = 0.9, double Beta2 = 0.999, double Epsilon = 1e-8)
{
    /// <summary>Rejects settings out of range.</summary>
    /// <exception cref="ArgumentException">A setting is out of its range; the message names it.</exception>
    public void Check()
    {
        Setting.Demand(LearningRate is >= 0 and <= Setting.MostLearningRate, "learning rate", LearningRate, $"0 to {Setting.MostLearningRate}");
        Setting.Demand(Beta1 is >= 0 and < 1, "beta1", Beta1, "0 or more, and below 1");
        Setting.Demand(Beta2 is >= 0 and < 1, "beta2", Beta2, "0 or more, and below 1");
        Setting.Demand(Epsilon is >= 0 and <= 1, "epsilon", Epsilon, "0 to 1");
    }
}
