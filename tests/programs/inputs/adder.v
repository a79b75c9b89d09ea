module top(input clk, input [7:0] a, b, output reg [8:0] s, output p);
  always @(posedge clk) s <= a + b;
  assign p = ^s;
endmodule
