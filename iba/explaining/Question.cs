using Iba.Labels;

namespace Iba.Explaining;

/// <summary>What is asked of a classification: a class, several of them, or one rather than another.</summary>
/// <param name="Target">The class; null for the predicted one.</param>
/// <param name="Loss">The loss that says so.</param>
internal readonly record struct Question(int? Target, LogitLoss Loss)
{
    /// <summary>Reads a question.</summary>
    /// <param name="target">A class by number, name or WordNet id, or several with commas between; null for the predicted one.</param>
    /// <param name="marginTo">The class to compare it with; null for all.</param>
    /// <param name="labels">The names of the classes.</param>
    /// <param name="classes">Classes of the network.</param>
    /// <exception cref="ArgumentException">There is no such class, or the question makes no sense.</exception>
    public static Question Parse(string? target, string? marginTo, ClassLabels labels, int classes)
    {
        // Names of classes have commas, too: the text as a whole comes first.
        if (target is not null && target.Contains(',') && labels.Find(target, classes) is null)
        {
            int[] several = [.. target.Split(',', StringSplitOptions.TrimEntries).Select(name => Class(name, labels, classes))];
            if (several.Distinct().Count() == 1)
                throw new ArgumentException($"'{target}' is one class, {several[0]}, by {several.Length} names. Give one of them.");
            return marginTo is null ? new Question(several[0], LogitLoss.AnyOf(several))
                : throw new ArgumentException($"'{target}' are several classes, and a margin is of one. Name one class, or no margin.");
        }
        int? one = target is null ? null : labels.Class(target, classes);
        if (marginTo is null)
            return new Question(one, LogitLoss.CrossEntropy);
        int against = Class(marginTo, labels, classes);
        return one != against ? new Question(one, LogitLoss.Margin(against))
            : throw new ArgumentException($"the margin is to '{marginTo}', the class explained. Give another one.");
    }

    private static int Class(string name, ClassLabels labels, int classes)
    {
        try
        {
            return labels.Class(name, classes);
        }
        catch (ArgumentException mistake)
        {
            throw new ArgumentException($"'{name}': {mistake.Message}");
        }
    }
}
