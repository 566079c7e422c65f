using Iba.Engine.Backends;

namespace Iba.Engine.Training;

/// <summary>
/// A learning rate that rises linearly over the first steps (warm-up), because the optimizer's statistics are poor at first, and then falls
/// along half a cosine to 0 (Loshchilov and Hutter 2017, without restarts).
/// </summary>
/// <param name="Peak">The largest rate.</param>
/// <param name="WarmUp">Steps of the warm-up.</param>
/// <param name="Steps">Total steps.</param>
public sealed record CosineSchedule(double Peak, long WarmUp, long Steps)
{
    /// <summary>Rejects settings out of range.</summary>
    /// <exception cref="ArgumentException">A setting is out of its range; the message names it.</exception>
    public void Check()
    {
        Setting.Demand(Peak is >= 0 and <= Setting.MostLearningRate, "the schedule's learning rate", Peak, $"0 to {Setting.MostLearningRate}");
        Setting.Demand(Steps >= 0, "the schedule's steps", Steps, "0 or more");
        Setting.Demand(WarmUp >= 0 && WarmUp <= Steps, "the schedule's warm-up", WarmUp, $"0 to its {Steps} steps");
    }

    /// <summary>The rate of a step, counted from 0.</summary>
    public double At(long step) => step < WarmUp
        ? Peak * (step + 1) / WarmUp
        : Peak * 0.5 * (1 + Math.Cos(Math.PI * Math.Min(step - WarmUp, Steps - WarmUp) / Math.Max(Steps - WarmUp, 1)));
}
