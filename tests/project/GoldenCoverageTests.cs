using Xunit;
using Xunit.Sdk;
using Xunit.v3;

[assembly: TestCollectionOrderer(typeof(Tests.Project.LastCollection))]

namespace Tests.Project;

/// <summary>Runs after every other test: fields that no test has read by then are not tested.</summary>
[Collection(nameof(LastCollection))]
public sealed class GoldenCoverageTests
{
    [Fact]
    public void Every_field_of_every_golden_file_is_read_by_some_test()
    {
        string[] words = Environment.GetCommandLineArgs();
        // .ci/run leaves out the tests that count allocations: others read the same fields.
        IEnumerable<string> options = words.Where((word, at) =>
            word.StartsWith('-') && (word, words.ElementAtOrDefault(at + 1)) is not ("--filter-not-class", "*AllocationTests"));
        Assert.SkipWhen(options.Any(word => word.Contains("filter") || word.Contains("class") || word.Contains("method")),
            "only some of the tests were asked for, so only some of the golden fields are read");

        string[] unread = [.. Golden.Files.SelectMany(file => Golden.Open(file).Fields.Except(Golden.FieldsRead(file)).Select(field => $"{file}: {field}"))];
        Assert.Empty(unread);
    }
}

/// <summary>Puts the collection of <see cref="GoldenCoverageTests"/> last; it runs alone, after those that run side by side.</summary>
[CollectionDefinition(nameof(LastCollection), DisableParallelization = true)]
public sealed class LastCollection : ITestCollectionOrderer
{
    public IReadOnlyCollection<TTestCollection> OrderTestCollections<TTestCollection>(IReadOnlyCollection<TTestCollection> testCollections)
        where TTestCollection : ITestCollection =>
        [.. testCollections.OrderBy(collection => collection.TestCollectionDisplayName == nameof(LastCollection))];
}
