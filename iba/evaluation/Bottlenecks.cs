using Iba.Bottleneck;
using Iba.Methods;

namespace Iba.Evaluation;

/// <summary>The bottlenecks among methods.</summary>
internal static class Bottlenecks
{
    extension(EvaluatedMethod method)
    {
        /// <summary>Whether it is one: they are the methods that need features' statistics, their own or a readout's.</summary>
        public bool IsBottleneck => method.Kind.Needs is MethodNeeds.Statistics or MethodNeeds.Readout;

        /// <summary>Creates it; null for another method.</summary>
        public IBottleneck? Bottleneck() => method.IsBottleneck ? (IBottleneck)method.Create() : null;
    }
}
