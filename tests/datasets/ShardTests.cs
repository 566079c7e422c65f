using Iba.Datasets;
using Xunit;

namespace Tests.Datasets;

public sealed class ShardTests
{
    [Fact]
    public void Every_photo_belongs_to_one_part()
    {
        int[] photos = [.. Enumerable.Range(0, 11)];
        int[][] parts = [.. Enumerable.Range(0, 4).Select(part => new Shard(part, 4).Of(photos).ToArray())];
        Assert.Equal([3, 7], parts[3]);
        Assert.Equal(photos, parts.SelectMany(part => part).Order());
        Assert.Equal(parts.Select(part => part.Length), Enumerable.Range(0, 4).Select(part => new Shard(part, 4).CountOf(photos.Length)));
        Assert.Equal(0, new Shard(3, 4).CountOf(3));
    }

    [Theory]
    [InlineData("1/1", 0, 1)]
    [InlineData("2/8", 1, 8)]
    [InlineData("auto", 2, 4, "SLURM_ARRAY_TASK_ID=7", "SLURM_ARRAY_TASK_MIN=3", "SLURM_ARRAY_TASK_STEP=2", "SLURM_ARRAY_TASK_COUNT=4")]
    [InlineData("auto", 1, 2, "OMPI_COMM_WORLD_RANK=1", "OMPI_COMM_WORLD_SIZE=2")]
    [InlineData("auto/5", 4, 5, "JOB_COMPLETION_INDEX=4")]
    public void A_part_is_given_or_taken_from_a_job_engine(string text, int index, int count, params string[] variables) =>
        Assert.Equal(new Shard(index, count), Shard.Parse(text, Variables(variables)));

    [Theory]
    [InlineData("0/3", "counted from 1")]
    [InlineData("4/3", "counted from 1")]
    [InlineData("1", "counted from 1")]
    [InlineData("a/b", "counted from 1")]
    [InlineData("+1/3", "counted from 1")]
    [InlineData("auto", "no job engine's variables are set")]
    [InlineData("auto", "auto/8", "JOB_COMPLETION_INDEX=4")]
    [InlineData("auto/4", "gives no part of 4", "JOB_COMPLETION_INDEX=4")]
    [InlineData("auto", "SLURM_ARRAY_TASK_COUNT", "SLURM_ARRAY_TASK_ID=7", "SLURM_ARRAY_TASK_MIN=3", "SLURM_ARRAY_TASK_STEP=2")]
    [InlineData("auto", "more than one job engine", "OMPI_COMM_WORLD_RANK=1", "OMPI_COMM_WORLD_SIZE=2", "SLURM_ARRAY_TASK_ID=1", "SLURM_ARRAY_TASK_MIN=1",
        "SLURM_ARRAY_TASK_STEP=1", "SLURM_ARRAY_TASK_COUNT=2")]
    public void A_part_that_is_not_clear_is_refused(string text, string reason, params string[] variables) =>
        Assert.Contains(reason, Assert.Throws<FormatException>(() => Shard.Parse(text, Variables(variables))).Message);

    private static Func<string, string?> Variables(string[] variables) =>
        name => variables.FirstOrDefault(variable => variable.StartsWith($"{name}=", StringComparison.Ordinal))?[(name.Length + 1)..];
}
