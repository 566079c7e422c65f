namespace Iba.Engine.Backends;

/// <summary>The constants of stochastic gradient descent with momentum, as PyTorch's SGD takes them.</summary>
/// <param name="LearningRate">The step size.</param>
/// <param name="Momentum">The fraction of the last step's velocity that is kept.</param>
/// <param name="WeightDecay">The factor of the parameter that is added to its gradient.</param>
public readonly record struct SgdSettings(double LearningRate, double Momentum = 0.9, double WeightDecay = 0)
{
    /// <summary>Rejects settings out of range.</summary>
    /// <exception cref="ArgumentException">A setting is out of its range; the message names it.</exception>
    public void Check()
    {
        Setting.Demand(LearningRate is >= 0 and <= Setting.MostLearningRate, "learning rate", LearningRate, $"0 to {Setting.MostLearningRate}");
        Setting.Demand(Momentum is >= 0 and < 1, "momentum", Momentum, "0 or more, and below 1");
        Setting.Demand(WeightDecay is >= 0 and <= Setting.MostLearningRate, "weight decay", WeightDecay, $"0 to {Setting.MostLearningRate}");
    }
}
