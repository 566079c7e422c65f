namespace Iba.Weights;

/// <summary>The file contains something other than weights. <paramref name="what"/> continues "it is ...".</summary>
internal sealed class NotWeightsException(string what, string advice) : Exception($"it is {what}")
{
    public string Advice { get; } = advice;
}
